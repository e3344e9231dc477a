package a

import data.lib

default allow := false

allow if {
	some c in input.containers
	startswith(c.image, "ok/")
	not bad(c)
}

bad(c) if c.name == "x"

msgs contains msg if {
	some c in input.containers
	x := count(c.name) + 1
	x > 2
	msg := sprintf("c %v has %d", [c.name, x])
	trace("hello")
}
