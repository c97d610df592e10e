package coupang

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/secret"
)

// signedDate is yyMMdd'T'HHmmss'Z', in UTC, with two digits of the year.
const signedDate = "060102T150405Z"

// stringToSign is what the signature is made of: no separators, the path and the query exactly as they are on the wire,
// the query without its question mark, nothing of the body.
func stringToSign(date, method, path, query string) string { return date + method + path + query }

// signature is HMAC-SHA256 in lower-case hexadecimal.
func signature(key secret.Secret, text string) string {
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// authorization is the header. Coupang's samples write ", " and ","; both are accepted.
func authorization(accessKey, date, signature string) string {
	return fmt.Sprintf("CEA algorithm=HmacSHA256, access-key=%s, signed-date=%s, signature=%s", accessKey, date, signature)
}

// authorize signs a request as it will stand on the wire. Nothing of its address may be changed afterwards.
func (c *connection) authorize(req *http.Request, now time.Time) {
	date := now.UTC().Format(signedDate)
	text := stringToSign(date, req.Method, req.URL.EscapedPath(), req.URL.RawQuery)
	req.Header.Set("Authorization", authorization(c.accessKey.Reveal(), date, signature(c.secretKey, text)))
}

// Sign shows how a request is signed. Resource is a resource of this type of connection, or a path with its query as it
// is on the wire; Timestamp is the signed-date; the parameter method is the method, all others are added to the query.
func (c *connection) Sign(r kind.SignRequest) (kind.Signature, error) {
	path, query, err := c.target(r.Resource)
	if err != nil {
		return kind.Signature{}, err
	}
	method, date := http.MethodGet, r.Timestamp
	if date == "" {
		date = time.Now().UTC().Format(signedDate)
	} else if _, err := time.Parse(signedDate, date); err != nil {
		return kind.Signature{}, fmt.Errorf("the signed-date %q is not yyMMddTHHmmssZ, as in 251121T083015Z", date)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		if name == "method" {
			method = strings.ToUpper(r.Params[name])
			continue
		}
		query = strings.TrimPrefix(query+"&"+escape(name)+"="+escape(r.Params[name]), "&")
	}
	text := stringToSign(date, method, path, query)
	sum := signature(c.secretKey, text)
	return kind.Signature{StringToSign: text, Signature: sum, Params: map[string]string{
		"Authorization": authorization(c.accessKey.String(), date, sum),
	}}, nil
}

// target is the path and the query of what is to be signed.
func (c *connection) target(resource string) (path, query string, err error) {
	if strings.HasPrefix(resource, "/") {
		path, query, _ = strings.Cut(resource, "?")
		return path, query, nil
	}
	if resource == "" {
		resource = "orders"
	}
	st := find(resource)
	if st == nil {
		return "", "", fmt.Errorf("there is no resource %q; name one of %s, or a path as it is on the wire, as /v2/providers/…?status=INSTRUCT",
			resource, strings.Join(names(), ", "))
	}
	return c.path(st.versions[0].path, ""), "", nil
}
