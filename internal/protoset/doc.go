// Package protoset turns messages of gRPC calls into JSON, and JSON into
// messages, by descriptions of them: .proto files, compiled here, sets of
// descriptors as protoc and buf write them, and what servers tell about
// themselves by reflection.
//
//	set, err := protoset.Load("api", "vendor.binpb")
//	...
//	text, err := set.JSON("/shop.v1.Orders/Get", traffic.ClientToServer, message)
//
// JSON is that of protobuf (ProtoJSON): names in lowerCamelCase, fields that are
// not set left out, 64-bit numbers as strings. It has no white space between its
// parts, and members are in the order of their descriptions, so that equal
// messages are equal texts.
package protoset
