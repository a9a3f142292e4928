package debian_test

import (
	"os"
	"testing"

	"github.com/unveil-run/unveil-run/test/debian"
)

func TestMirror(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/sources.list.d", 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := debian.Mirror(dir); err == nil {
		t.Error("no sources, no error")
	}
	write("sources.list", "deb http://list.example/debian/ bookworm main\ndeb [signed-by=/k] http://list.example/debian-security bookworm-security main\n")
	main, security, err := debian.Mirror(dir)
	if main != "http://list.example/debian" || security != "http://list.example/debian-security" || err != nil {
		t.Errorf("one-line: %q, %q, %v", main, security, err)
	}
	write("sources.list.d/debian.sources", "Types: deb\n# http://old.example/debian\nURIs: http://deb.example/debian\nSuites: x\n\nURIs: http://deb.example/debian-security\n")
	main, security, err = debian.Mirror(dir)
	if main != "http://deb.example/debian" || security != "http://deb.example/debian-security" || err != nil {
		t.Errorf("deb822: %q, %q, %v", main, security, err)
	}
}
