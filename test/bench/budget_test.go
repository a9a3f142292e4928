package main

import "testing"

// TestJudge holds each kind of budget, on both sides of its limit, and without
// its peer.
func TestJudge(t *testing.T) {
	measured := table{Figures: []figure{
		{Act: static, Unit: "us", Way: "ours", Median: 300},
		{Act: static, Unit: "us", Way: "theirs", Median: 200},
		{Act: static, Unit: "us", Way: landrun, Median: 1000},
	}}
	alone := table{Figures: measured.Figures[:1]}
	for _, test := range []struct {
		how    comparison
		peer   string
		figure float64
		unit   string
	}{
		{itself, "", 300, "us"},
		{times, "theirs", 1.5, "of theirs"},
		{more, "theirs", 100, "us beyond theirs"},
		{part, "theirs", 0.1, "of landrun, beyond theirs"},
	} {
		b := budget{"", static, "ours", test.how, test.peer, test.figure}
		want := verdict{static + ", ours", test.figure, test.figure, test.unit, true, true}
		if got := b.judge(measured); got != want {
			t.Errorf("%+v, not %+v", got, want)
		}
		b.most -= 0.01
		if got := b.judge(measured); got.Holds || !got.Measured {
			t.Errorf("below: %+v", got)
		}
		if got := b.judge(alone); test.how != itself && (got.Holds || got.Measured || got.Figure != 0) {
			t.Errorf("without the peer: %+v", got)
		}
	}
	if got := (budget{"", static, "nobody", times, "theirs", 1}).judge(measured); got.Holds || got.Measured {
		t.Errorf("without ours: %+v", got)
	}
}
