// Package channel takes alerts to a webhook, to mailboxes, and to the chat robots DingTalk (钉钉), WeCom (企业微信) and
// Feishu or Lark (飞书).
//
// # Why the robots have no library
//
// Each robot is one JSON POST, two of them with an HMAC of a dozen lines. The libraries that were looked at cost more:
//
//   - nikoksr/notify v1.3.0 requires over a hundred modules, has no WeCom robot, does not sign for Feishu's robots, and
//     its DingTalk part passes the context by.
//   - containrrr/shoutrrr v0.8.0 has had no release since 2023 and knows none of the three.
//   - nicholas-fedor/shoutrrr v0.13.2, its living fork, has Feishu and WeCom but no DingTalk; it brings a command line
//     and a configuration library along, works without contexts, and its errors hold the address with its token.
//   - clients of a single robot are small projects of single persons.
//
// What all of them lack is what matters here: one HTTP client with the bounds of package transport, a verdict on every
// code, and no token in an error. E-mail is another matter (STARTTLS, SASL, MIME, encoded headers): it is
// wneessen/go-mail, which requires only golang.org/x modules. Its home is here.
//
// # Secrets
//
// The address of a robot is its password. It is a secret key, and every error of this package is cut clean of it, of its
// token alone, and of the signing secret, whatever the other side repeats.
//
// # What a robot asks for
//
// Messages are plain text: an error may hold anything, and nothing of it may format, link or mention. A robot that wants
// a keyword in each message finds "milkrun" in all of them. Robots take about twenty messages a minute; they are spaced.
package channel
