"""Makes calls of all kinds with grpcio (Debian: python3-grpcio) and prints what
comes back, a line each. The task on standard input is JSON: target (host:port),
roots (the path of certificates to trust, "" for plain text). The proxy is that of
the environment (grpc_proxy)."""

import json
import queue
import sys

import grpc

SERVICE = "/grpc.testing.TestService/"
PATIENCE = 30


def field(number, content):
    """A field of a protobuf message that is bytes or a message of under 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def payload(number, text):
    return field(number, field(2, text.encode()))


def size(n):
    return field(2, bytes([1 << 3, n]))


def tell(what, call):
    """Prints each answer, and the status at the end."""
    try:
        for answer in call:
            print(what, len(answer), answer[:40])
        print(what, call.code().name)
    except grpc.RpcError as e:
        print(what, e.code().name, e.details())


def one(what, method, request, **options):
    """Prints the answer, or how the call failed."""
    try:
        answer, call = method.with_call(request, timeout=PATIENCE, **options)
        print(what, len(answer), answer[:40], dict(call.trailing_metadata()).get("x-trail"))
    except grpc.RpcError as e:
        print(what, e.code().name, e.details())


def turns(channel):
    """Says something only when the answer to what came before is there."""
    said = queue.Queue()
    call = channel.stream_stream(SERVICE + "FullDuplexCall")(iter(said.get, None), timeout=PATIENCE)
    try:
        for text in ("a", "b", "stop"):
            said.put(payload(3, text))
            print("turn", next(call))
    except grpc.RpcError as e:
        print("turn", e.code().name, e.details())
    said.put(None)


def calls(channel):
    unary = channel.unary_unary(SERVICE + "UnaryCall")
    for text in ("hello", "fail"):
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            one("unary " + text, unary, payload(3, text), compression=compression)
    try:  # long enough for the call to be heard before, also on a busy machine
        unary(payload(3, "slow"), timeout=1)
    except grpc.RpcError as e:
        print("deadline", e.code().name)
    out = channel.unary_stream(SERVICE + "StreamingOutputCall")
    tell("server streaming", out(size(1) + size(100) + size(0), timeout=PATIENCE))
    into = channel.stream_unary(SERVICE + "StreamingInputCall")
    one("client streaming", into, iter([payload(1, "x" * n) for n in range(5)]))
    turns(channel)


def main():
    task = json.load(sys.stdin)
    if task["roots"]:
        with open(task["roots"], "rb") as f:
            credentials = grpc.ssl_channel_credentials(root_certificates=f.read())
        channel = grpc.secure_channel(task["target"], credentials)
    else:
        channel = grpc.insecure_channel(task["target"])
    with channel:
        calls(channel)


main()
