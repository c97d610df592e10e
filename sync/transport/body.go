package transport

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"milkrun/sync/feed"
)

const (
	firstRead = 1 << 20 // the most that is allocated on a partner's word about the length
	smallRead = 16 << 10
)

// byteOrderMark may begin a JSON text; a parser may ignore it (RFC 8259, section 8.1), and ours do not by themselves.
const byteOrderMark = "\uFEFF"

// read returns the whole body, decompressed and without a byte order mark.
func (c *Client) read(answer *http.Response) ([]byte, error) {
	if answer.ContentLength > int64(c.maxBody) {
		return nil, c.tooLarge()
	}
	r, packed, err := plain(answer)
	if err != nil {
		return nil, err
	}
	size := answer.ContentLength
	if size < 0 || packed {
		size = max(c.usual.Load(), smallRead)
	}
	body, err := readAll(io.LimitReader(r, int64(c.maxBody)+1), min(size, firstRead))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, truncated(len(body), answer.ContentLength, err)
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case len(body) > c.maxBody:
		return nil, c.tooLarge()
	}
	if answer.ContentLength < 0 || packed {
		c.usual.Store(int64(len(body)) * 9 / 8)
	}
	return bytes.TrimPrefix(body, []byte(byteOrderMark)), nil
}

// plain returns a reader of the decompressed body. The real network decompresses by itself what it asked for; a stand-in,
// or a partner that compresses unasked, does not.
func plain(answer *http.Response) (r io.Reader, packed bool, err error) {
	switch encoding := strings.ToLower(answer.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return answer.Body, false, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(answer.Body)
		if err != nil {
			return nil, true, fmt.Errorf("decompressing the answer: %w", err)
		}
		return z, true, nil
	default:
		return nil, false, feed.Errorf(feed.Fail, "encoding", "the answer has the content encoding %q; only gzip was offered", Code(encoding)).
			WithRemedy("ask the partner to send gzip or plain answers")
	}
}

// readAll is io.ReadAll with a guess of the size: one allocation when it is right. It returns what it has with an error.
func readAll(r io.Reader, size int64) ([]byte, error) {
	b := make([]byte, 0, size+1) // one more, so that the end is seen without growing
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func truncated(have int, want int64, err error) *feed.Error {
	const remedy = TriedAgain + "ask the partner what cuts its answers off, or ask for fewer rows a call"
	if want > 0 {
		return feed.Errorf(feed.Retry, "truncated", "the answer ended after %d of %d bytes: %w", have, want, err).WithRemedy(remedy)
	}
	return feed.Errorf(feed.Retry, "truncated", "the answer ended in the middle, after %d bytes: %w", have, err).WithRemedy(remedy)
}

func (c *Client) tooLarge() *feed.Error {
	return feed.Errorf(feed.Fail, "max_body", "the answer has more than %d bytes (max_body)", c.maxBody).
		WithRemedy("ask for fewer rows a page, or raise max_body of the connection")
}
