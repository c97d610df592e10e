package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"milkrun/sinks/busipush"
	"milkrun/sync/kind"
	stand "milkrun/sync/sandbox"
	"milkrun/sync/secret"
)

// post is the latency limit: requests encoded and signed beforehand are sent, so many in flight at once. Only the
// sending is timed.
func post(ctx context.Context, base string, atOnce, n int) (time.Duration, error) {
	bodies, err := encoded(n)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	var group errgroup.Group
	group.SetLimit(atOnce)
	begin := time.Now()
	for _, body := range bodies {
		group.Go(func() error { return send(ctx, client, base, body) })
	}
	err = group.Wait()
	return time.Since(begin), err
}

// encoded returns the bodies of n full requests.
func encoded(n int) ([][]byte, error) {
	conn, test := busipush.NewConnection(), stand.New(stand.Options{}).Settings()["busipush"]
	signer, ok := conn.(kind.Signer)
	if !ok {
		return nil, errors.New("busipush does not sign")
	}
	for _, key := range []string{"appcode", "modulecode", "appsecret"} {
		if err := set(conn, key, secret.New(test[key])); err != nil {
			return nil, err
		}
	}
	list := make([][]byte, n)
	for i := range list {
		signed, err := signer.Sign(kind.SignRequest{})
		if err != nil {
			return nil, err
		}
		form := url.Values{"data": {affairs(i)}}
		for k, v := range signed.Params {
			form.Set(k, v)
		}
		list[i] = []byte(form.Encode())
	}
	return list, nil
}

// affairs is the data of one full request, much like what the push sends.
func affairs(number int) string {
	list := make([]stand.Affair, batchSize)
	for i := range list {
		n := number*batchSize + i
		list[i] = stand.Affair{ID: fmt.Sprint(n), UserID: fmt.Sprintf("U%09d", n), UserPhone: fmt.Sprintf("1990000%04d", n%10000),
			UserName: "赵甲乙", BusiItem: "食品经营许可", BusiDetail: "食品经营许可: 审核中", CreateDate: "2026-01-02 03:04:05"}
	}
	text, _ := json.Marshal(list) // strings only
	return string(text)
}

func send(ctx context.Context, client *http.Client, base string, body []byte) error {
	const path = "/openplatform/open/busipush.action?generate"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && !bytes.Contains(text, []byte(`"200"`)) {
		err = fmt.Errorf("the sandbox answers %s", text)
	}
	return err
}
