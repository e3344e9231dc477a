package p

import data.q.lib

default allow := false

allow if input.user == "alice"

allow if {
	some role in input.roles
	role == "admin"
}

names contains n if some n in ["b", "a", "é", "日本", "a\nb"]

obj[k] := v if some k, v in {"x": 1, "y": 2}

multi[k] contains v if {
	some k in ["a", "b"]
	some v in numbers.range(1, 2)
}

f(x) := x * 2

g(x) := "small" if x < 10 else := "big"

undefined_rule if input.nosuch

pi := 3.14159

big := 123456789012345678901234567890

nested := {"a": [1, {"b": set()}, {1, 2}], "c": null, "d": {"e": {"f": true}}}

conflict := 1 if input.c
conflict := 2 if input.c

deny contains {"msg": msg, "details": {"n": n}} if {
	some n in [1, 2]
	msg := sprintf("n is %d", [n])
}
a.b.c := 1
a.b.d := 2
a.x[k] := v if some k, v in [10,20]
html := "<a href=\"x\">&</a>"
