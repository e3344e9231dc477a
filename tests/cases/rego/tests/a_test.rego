package a_test

import data.a

test_ok if a.allow with input as {"containers": [{"name": "a", "image": "ok/a"}]}

test_bad if {
	x := 1 + 2
	y := [z | some z in [1, 2, 3]]
	print("hi", x)
	a.allow with input as {"containers": [{"name": "a", "image": "no/a"}]}
}

todo_test_x if false

test_cases[note] if {
	some note, tc in {"one": {"a": 1, "b": 1}, "two": {"a": 1, "b": 2}}
	tc.a == tc.b
}

test_err if {
	1 / 0 == 1
}

test_err2 := 1
test_err2 := x if x := 2
