package channel

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/setting"
)

// dingTalk is a custom robot of DingTalk (钉钉自定义机器人), with or without 加签.
type dingTalk struct{ post }

func newDingTalk() Channel {
	d := &dingTalk{newPost("dingtalk")}
	d.bound(robotRate)
	d.urlEn, d.urlZh = "webhook address of the robot, with its access_token", "机器人的 Webhook 地址（含 access_token）"
	d.signEn, d.signZh = `signing secret (加签), beginning with "SEC"; none when the robot is secured otherwise`, `加签密钥，以 "SEC" 开头；采用其他安全设置时不填`
	return d
}

// Validate also looks for the token.
func (d *dingTalk) Validate() []setting.Problem {
	return d.validate(func(u *url.URL) string {
		if u.Query().Get("access_token") == "" {
			return "the address has no access_token"
		}
		return ""
	})
}

// Send posts a text.
func (d *dingTalk) Send(ctx context.Context, m alert.Message) error {
	return d.toRobot(ctx, codes{
		busy: []int64{-1, 130101, 410100},
		remedies: map[int64]string{
			310000: `check secret, this machine's clock, the robot's keywords ("milkrun" is in every message) and its list of addresses`,
			300001: "check url: the robot knows no such access_token",
			400101: "check url: the robot knows no such access_token",
			400102: "the robot is switched off; switch it on in the group",
			400106: "the robot is gone; make a new one and correct url and secret",
			400013: "the group was dissolved; make a robot in another one",
		},
	}, func(now time.Time, u *url.URL) (any, http.Header) {
		d.sign(now, u)
		return map[string]any{"msgtype": "text", "text": map[string]string{"content": m.Text()}}, nil
	})
}

// sign adds the time in milliseconds and the signature over it and the secret, with the secret as the key.
func (d *dingTalk) sign(now time.Time, u *url.URL) {
	if d.secret.Empty() {
		return
	}
	stamp, key := strconv.FormatInt(now.UnixMilli(), 10), d.secret.Reveal()
	q := u.Query()
	q.Set("timestamp", stamp)
	q.Set("sign", sign(key, stamp+"\n"+key))
	u.RawQuery = q.Encode()
}
