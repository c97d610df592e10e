package channel

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/setting"
)

// feishu is a custom robot of Feishu (飞书自定义机器人) or Lark, with or without 签名校验.
type feishu struct{ post }

func newFeishu() Channel {
	f := &feishu{newPost("feishu")}
	f.bound(robotRate)
	f.urlEn, f.urlZh = "webhook address of the robot, of Feishu or of Lark", "机器人的 Webhook 地址（飞书或 Lark）"
	f.signEn, f.signZh = "signing secret (签名校验); none when the robot is secured otherwise", "签名校验密钥；采用其他安全设置时不填"
	return f
}

// Validate also looks for the token.
func (f *feishu) Validate() []setting.Problem {
	return f.validate(func(u *url.URL) string {
		if _, token, found := strings.Cut(u.Path, "/hook/"); !found || token == "" {
			return "the address has no /hook/ with a token behind it"
		}
		return ""
	})
}

// Send posts a text. A "<at" in it would mention people.
func (f *feishu) Send(ctx context.Context, m alert.Message) error {
	text := strings.ReplaceAll(m.Text(), "<at", "< at")
	return f.toRobot(ctx, codes{
		busy: []int64{9499, 11232},
		remedies: map[int64]string{
			19001: "check url: the robot knows no such token",
			19021: "check secret and this machine's clock",
			19022: "add this machine's address to the robot's list",
			19024: `add "milkrun" to the robot's keywords`,
		},
	}, func(now time.Time, _ *url.URL) (any, http.Header) {
		message := map[string]any{"msg_type": "text", "content": map[string]string{"text": text}}
		f.sign(now, message)
		return message, nil
	})
}

// sign adds the time in seconds and the signature of nothing, with both the time and the secret as the key.
func (f *feishu) sign(now time.Time, message map[string]any) {
	if f.secret.Empty() {
		return
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	message["timestamp"], message["sign"] = stamp, sign(stamp+"\n"+f.secret.Reveal(), "")
}
