package image_test

import (
	"fmt"
	"os"

	"github.com/unveil-run/unveil-run/internal/image"
)

func ExampleResolve() {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.WriteFile(dir+"/greet", []byte("#!/usr/bin/env -S sh -e\necho hello\n"), 0o755)

	img, err := image.Resolve("./greet", []string{"world"}, os.LookupEnv, dir)
	if err != nil {
		panic(err)
	}
	// env is out of the way: the shell is executed at once.
	fmt.Println(img.Argv[0], img.Argv[1], img.Argv[2] == dir+"/greet", img.Argv[3])
	fmt.Println(img.Files[0].Need, img.Files[0].Why)
	fmt.Println(img.Files[1].Need, img.Files[1].Why == "interpreter of "+dir+"/greet")

	_, err = image.Resolve("no-such-command", nil, os.LookupEnv, dir)
	fmt.Println(err)
	// Output:
	// sh -e true world
	// read the command
	// exec true
	// command "no-such-command": not found
}
