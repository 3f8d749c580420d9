package fleet

import "github.com/redis/go-redis/v9"

// LineOf is lineOf for the fields of an entry.
func LineOf(values map[string]any) (Line, bool) { return lineOf(redis.XMessage{ID: "1-1", Values: values}) }
