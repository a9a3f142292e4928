package launch

import (
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/unveil-run/unveil-run/pledge"
)

// TestPromises: each promise that the launcher knows by name is one.
func TestPromises(t *testing.T) {
	v := reflect.ValueOf(promises)
	for i := range v.NumField() {
		if v.Field(i).Uint() == 0 {
			t.Errorf("%s is no promise", v.Type().Field(i).Name)
		}
	}
}

func TestPledged(t *testing.T) {
	for _, tt := range []struct {
		words   Words
		set     pledge.Set
		pledged bool
	}{
		{Words{}, promises.stdio, true},
		{Words{Pledge: []string{""}}, 0, true},
		{Words{Pledge: []string{"rpath", "stdio"}}, promises.stdio | promises.rpath, true},
		{Words{Unveil: []string{"/:r"}}, 0, false},
		{Words{Unveil: []string{"/:r"}, Pledge: []string{"exec"}}, promises.exec, true},
	} {
		r, fail := tt.words.Request()
		if fail != nil {
			t.Fatal(fail)
		}
		if set, pledged := r.pledged(); set != tt.set || pledged != tt.pledged {
			t.Errorf("%+v: %q, %v; want %q, %v", tt.words, set, pledged, tt.set, tt.pledged)
		}
	}
}

func TestEnvironment(t *testing.T) {
	own := []string{"A=1", "AB=2", "C="}
	for _, tt := range []struct {
		words Words
		want  []string
	}{
		{Words{}, own},
		{Words{Env: []string{"A=3"}}, []string{"A=3", "AB=2", "C="}},
		{Words{Env: []string{"D=4", "D=5"}}, []string{"A=1", "AB=2", "C=", "D=5"}},
		{Words{Env: []string{"A", "Z"}}, own},
		{Words{ClearEnv: true}, nil},
		{Words{ClearEnv: true, Env: []string{"AB", "Z", "C", "D=="}}, []string{"AB=2", "C=", "D=="}},
	} {
		r, fail := tt.words.Request()
		if fail != nil {
			t.Fatal(fail)
		}
		if got := r.environment(own); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.words, got, tt.want)
		}
	}
	if got := environment(own).resolveByTCP(); !slices.Contains(got, "RES_OPTIONS=use-vc") {
		t.Errorf("%q", got)
	}
	if got := (environment{"RES_OPTIONS=rotate"}).resolveByTCP(); !slices.Equal(got, []string{"RES_OPTIONS=rotate use-vc"}) {
		t.Errorf("%q", got)
	}
}

func TestNamedDescriptors(t *testing.T) {
	for word, want := range map[string][]int{
		"/dev/fd/63": {63}, "/proc/self/fd/7": {7}, "--in=/dev/fd/4": {4}, "/dev/fd/": nil, "/dev/fd/x": nil,
		"a/dev/fd/5,/dev/fd/6": {5, 6}, "63": nil, "/dev/fd/99999999999999999999": nil,
	} {
		if got := namedIn(word); !slices.Equal(got, want) {
			t.Errorf("%q: %d, want %d", word, got, want)
		}
	}
}

func TestListenFDs(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		pid, count string
		want       int
	}{{own, "2", 2}, {own, "-1", 0}, {own, "x", 0}, {own, "99999", 0}, {"1", "2", 0}, {own + "0", "2", 0}} {
		if got := (environment{"LISTEN_PID=" + tt.pid, "LISTEN_FDS=" + tt.count}).listenFDs(); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}
