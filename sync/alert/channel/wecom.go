package channel

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/setting"
)

// weCom is a robot in a group of WeCom (企业微信群机器人). It has no signature; the key in its address is its secret.
type weCom struct{ post }

// longestWeCom is how many bytes a text may have there.
const longestWeCom = 2048

func newWeCom() Channel {
	w := &weCom{newPost("wecom")}
	w.bound(robotRate)
	w.urlEn, w.urlZh = "webhook address of the robot, with its key", "群机器人的 Webhook 地址（含 key）"
	return w
}

// Validate also looks for the key.
func (w *weCom) Validate() []setting.Problem {
	return w.validate(func(u *url.URL) string {
		if u.Query().Get("key") == "" {
			return "the address has no key"
		}
		return ""
	})
}

// Send posts a text.
func (w *weCom) Send(ctx context.Context, m alert.Message) error {
	return w.toRobot(ctx, codes{
		busy:     []int64{-1, 45009},
		remedies: map[int64]string{93000: "check url: the key is wrong, or the robot was removed from its group"},
	}, func(time.Time, *url.URL) (any, http.Header) {
		return map[string]any{"msgtype": "text", "text": map[string]string{"content": cut(m.Text(), longestWeCom)}}, nil
	})
}
