// A download that unveils, resolves, and pledges less at each step, in the words of OpenBSD.
//
//	fetcher http://example.org/page page.html
//
// Build it with CGO_ENABLED=0: below Linux 7.0 a program with cgo cannot bind
// all its threads to paths.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/unveil-run/unveil-run/compat"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fetcher URL FILE")
		os.Exit(2)
	}
	if err := fetch(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "fetcher:", err)
		os.Exit(1)
	}
}

func fetch(address, file string) error {
	// The directory of the file, not the file: c of a name is held by its
	// directory in any case.
	if err := compat.Unveil(filepath.Dir(file), "rwc"); err != nil {
		return fmt.Errorf("unveil %s: %w", filepath.Dir(file), err)
	}
	// With this the list ends: "unveil" is not among the promises. Names are
	// resolved by what dns implies, certificates read before.
	roots, err := x509.SystemCertPool()
	if err != nil {
		return err
	}
	if err := compat.PledgePromises("stdio rpath wpath cpath inet dns"); err != nil {
		return fmt.Errorf("pledge: %w", err)
	}

	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	addresses, err := net.DefaultResolver.LookupHost(context.Background(), u.Hostname())
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()

	// The name is known and the file open: no path is needed any more.
	if err := compat.PledgePromises("stdio inet"); err != nil {
		return fmt.Errorf("pledge: %w", err)
	}
	dial := func(ctx context.Context, network, hostport string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(hostport)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(addresses[0], port))
	}
	client := http.Client{
		Transport:     &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // to another name
	}
	answer, err := client.Get(address)
	if err != nil {
		return err
	}
	defer answer.Body.Close()

	// What is left is to read from one descriptor and to write to another,
	// whatever the server sends.
	if err := compat.PledgePromises("stdio"); err != nil {
		return fmt.Errorf("pledge: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, answer.Status)
	}
	_, err = io.Copy(out, answer.Body)
	return err
}
