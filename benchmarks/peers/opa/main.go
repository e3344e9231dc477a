// Times OPA's prepared queries: one JSON line in, one out, until the input ends.
//
// In: {"modules": [{"name", "text", "v0"}], "query", "input", "data", "seconds"}. Out: {"go_us", "parsed_us",
// "result"} or {"error"}: the median over rounds of CPU time for one evaluation, from a Go value and from an
// input parsed beforehand. Each evaluation gets an input of its own, made outside the timing.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"syscall"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

const round = 50

type question struct {
	Modules []struct {
		Name, Text string
		V0         bool
	}
	Query   string
	Input   any
	Data    map[string]any
	Seconds float64
}

type answer struct {
	Go     float64 `json:"go_us"`
	Parsed float64 `json:"parsed_us"`
	Result any     `json:"result"`
	Error  string  `json:"error,omitempty"`
}

func main() {
	runtime.GOMAXPROCS(1)
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		if err := decoder.Decode(&asked); err != nil {
			out.Encode(answer{Error: err.Error()})
			continue
		}
		found, err := measure(asked)
		if err != nil {
			found.Error = err.Error()
		}
		out.Encode(found)
	}
}

func measure(asked question) (found answer, err error) {
	ctx := context.Background()
	options := []func(*rego.Rego){rego.Query(asked.Query), rego.Store(inmem.NewFromObject(asked.Data))}
	for _, each := range asked.Modules {
		version := ast.RegoV1
		if each.V0 {
			version = ast.RegoV0
		}
		module, err := ast.ParseModuleWithOpts(each.Name, each.Text, ast.ParserOptions{RegoVersion: version})
		if err != nil {
			return found, err
		}
		options = append(options, rego.ParsedModule(module))
	}
	prepared, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		return found, err
	}
	results, err := prepared.Eval(ctx, rego.EvalInput(asked.Input))
	if err != nil {
		return found, err
	}
	if len(results) > 0 {
		found.Result = results[0].Expressions[0].Value
	}
	text := util.MustMarshalJSON(asked.Input)
	evaluate := func(input rego.EvalOption) {
		if _, err := prepared.Eval(ctx, input); err != nil {
			panic(err)
		}
	}
	found.Go = timed(asked.Seconds, func() rego.EvalOption {
		return rego.EvalInput(util.MustUnmarshalJSON(text))
	}, evaluate)
	found.Parsed = timed(asked.Seconds, func() rego.EvalOption {
		return rego.EvalParsedInput(ast.MustInterfaceToValue(util.MustUnmarshalJSON(text)))
	}, evaluate)
	return found, nil
}

// timed returns the median of microseconds of CPU time for one evaluation.
func timed(seconds float64, fresh func() rego.EvalOption, evaluate func(rego.EvalOption)) float64 {
	var rounds []float64
	for end := time.Now().Add(time.Duration(seconds * 1e9)); len(rounds) < 3 || time.Now().Before(end); {
		var inputs [round]rego.EvalOption
		for i := range inputs {
			inputs[i] = fresh()
		}
		start := cpu()
		for _, each := range inputs {
			evaluate(each)
		}
		rounds = append(rounds, (cpu()-start)/round)
	}
	sort.Float64s(rounds)
	return rounds[len(rounds)/2]
}

// cpu returns the microseconds of CPU time that this process has used.
func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(fmt.Sprint("getrusage: ", err))
	}
	return float64(used.Utime.Sec+used.Stime.Sec)*1e6 + float64(used.Utime.Usec+used.Stime.Usec)
}
