package q.lib
h(x) := x + 1
c := {"k": [1, 2, 3]}
