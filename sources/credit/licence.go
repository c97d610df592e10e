package credit

import (
	"bytes"
	"context"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
)

// How the file of an authorisation is sent.
const (
	fileBase64    = "base64"
	fileMultipart = "multipart"
)

var _ kind.Licensed = (*Connection)(nil)

// UploadLicence deposits the authorisation of an enterprise and returns the id under which the platform keeps it, which is
// the licenseID of its queries (授权查询: upload the agreement, keep the returned id). Whatever the platform answers but
// an id is an error.
func (c *Connection) UploadLicence(ctx context.Context, env kind.Env, l kind.Licence) (id string, err error) {
	o := c.account.licence
	if !c.account.given || !o.given {
		return "", feed.Errorf(feed.HaltJob, "licence", "%s: nothing says how authorisations are uploaded", env.Connection).
			WithRemedy("add [connections.%s.account.licence] with the operation of the platform's document", env.Connection)
	}
	code, err := creditCode(l.Code)
	if reason := checkCode(code, digitsWarn); reason != "" {
		return "", feed.Errorf(feed.HaltJob, "uscc", "%s: %w", codeName, err).WithRemedy("correct the code")
	}
	client, label := c.Client(env.RoundTripper), env.Connection+": "+o.op
	var r transport.Response
	var call transport.Call
	err = c.withPassword(func() error {
		if o.sendFileAs == fileMultipart {
			call, r, err = c.uploadForm(ctx, client, label, code, l)
		} else {
			call, r, err = c.exchange(ctx, client, operationCall{label, c.address(c.account.path, o.op), o.params(code, l)})
		}
		if err == nil {
			var answer reply
			if answer, err = readReply(call, r); err == nil {
				id = answer.text(o.field)
			}
		}
		return err
	})
	if err == nil && id == "" {
		err = feed.Errorf(feed.Retry, "licence", "%s: the answer has no %s", label, o.field).
			WithRemedy("compare account.licence.field with the platform's document; the platform may have taken the file all the same")
	}
	return id, err
}

func (o *licenceOp) params(code string, l kind.Licence) []pair {
	pairs := []pair{{o.codeField, code}, {o.fileField, base64.StdEncoding.EncodeToString(l.File)}}
	if o.nameField != "" {
		pairs = append(pairs, pair{o.nameField, l.Name})
	}
	return pairs
}

// uploadForm sends the file as multipart/form-data, beside the system's parameters; never encrypted. The answer is taken out of
// the envelope when it is in one; in clear it is taken too, like what it answers.
func (c *Connection) uploadForm(ctx context.Context, client *transport.Client, label, code string, l kind.Licence) (call transport.Call, r transport.Response, err error) {
	o := c.account.licence
	token, err := c.login(ctx, client, label)
	if err != nil {
		return call, r, err
	}
	party, key, err := c.partner(ctx, client, label)
	if err != nil {
		return call, r, err
	}
	pwd, err := c.envelope.Transform(c.account.pwdTransform, key, c.inForce().Reveal())
	if err != nil {
		return call, r, wrongKeys(label, err)
	}
	pairs := append(c.system(token, pwd), pair{o.codeField, code})
	call = transport.Call{Op: label, Secrets: append(c.secrets(), texts(token.Reveal(), pwd)...), Build: func(ctx context.Context) (*http.Request, error) {
		return c.form(ctx, pairs, l, token)
	}}
	r, err = client.Do(ctx, call)
	if err == nil && party != nil && c.inEnvelope(r.Body) {
		err = c.open(ctx, party, label, call, nil, &r)
	}
	return call, r, err
}

func (c *Connection) form(ctx context.Context, pairs []pair, l kind.Licence, token secret.Secret) (*http.Request, error) {
	o := c.account.licence
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range pairs {
		_ = w.WriteField(p.name, p.text()) // into memory
	}
	part, err := w.CreateFormFile(o.fileField, l.Name)
	if err == nil {
		_, err = part.Write(l.File)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(c.account.path, o.op), &body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Accept", "application/json")
	if name, ok := strings.CutPrefix(c.account.token.sendAs, "header:"); ok && !token.Empty() {
		req.Header.Set(name, c.account.token.prefix+token.Reveal())
	}
	return req, nil
}
