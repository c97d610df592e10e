package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

//go:embed assets
var embedded embed.FS

// assets are the files that pages name, by name, each with its address.
type assets map[string]file

type file struct {
	content []byte
	kind    string
	version string
}

func newAssets() assets {
	list := assets{}
	for name, kind := range map[string]string{
		"style.css": "text/css; charset=utf-8", "live.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		content, err := embedded.ReadFile("assets/" + name)
		if err != nil {
			continue // a test looks
		}
		sum := sha256.Sum256(content)
		list[name] = file{content, kind, hex.EncodeToString(sum[:6])}
	}
	return list
}

// address is where a browser finds a file; another content is another address.
func (a assets) address(name string) string { return "/" + name + "?v=" + a[name].version }

// asset serves a file.
func (p *page) asset(w http.ResponseWriter, r *http.Request) {
	f := p.assets[strings.TrimPrefix(r.URL.Path, "/")]
	w.Header().Set("Content-Type", f.kind)
	if r.URL.Query().Get("v") == f.version {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}
