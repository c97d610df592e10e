package recorder

import (
	"regexp"
	"strings"
	"unicode"
)

// What stands in a recording in place of what is hidden.
const (
	secretMark   = "[secret]"
	volatileMark = "[volatile]"
	omittedMark  = "[omitted "
)

// Names are judged in small letters without what is neither letter nor digit: "X-Api-Key" is xapikey.
var (
	secretNames = regexp.MustCompile(`pass(word|wd|phrase)?$|^pwd|pwd$|secret|token$|apikey$|accesskey|appkey$|privatekey|^key$|^auth$|authorization|` +
		`cookie|sessionid$|sessionkey$|credential|licen[cs]e(no|code|id|key)?$|^jwt$|^assertion$`)
	// pageTokens are called tokens and open nothing: they say where the next page begins.
	pageTokens    = regexp.MustCompile(`(next|page|paging|continuation|cursor|sync|scroll)token$`)
	volatileNames = regexp.MustCompile(`sign$|^sig$|signature$|nonce(str)?$|timestamp$|^ts$|signeddate$|^(x)?date$|requestid$|traceid$|batchid$|transactionid$|` +
		`correlationid$|idempotencykey$|traceparent$|^(random|rand|uuid)$|^(request|send)time$`)
	// codeNames and messageNames are where a partner says how it went.
	codeNames    = regexp.MustCompile(`code$|^result$|^state$|^status$|^success$|^succeed$|^ok$|^errno$`)
	messageNames = regexp.MustCompile(`^(err|error|status|result)?(msg|message|desc|description|reason|info)$`)
	// groupNames hold several values of several persons in one text, without any names: 138…,张三,1234;139…
	groupNames = regexp.MustCompile(`^(params|variables|vars|templateparams?)$`)
)

// idNames tell records apart; those of cards and accounts are judged before.
var idNames = regexp.MustCompile(`(id|ids|no|number|code|sn|token)$`)

func isIDName(name string) bool { return idNames.MatchString(squashed(name)) }

func squashed(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// isSecretName says whether what is called so opens something.
func isSecretName(name string) bool {
	s := squashed(name)
	return secretNames.MatchString(s) && !pageTokens.MatchString(s)
}

func isPageToken(name string) bool { return pageTokens.MatchString(squashed(name)) }

// isVolatileName says whether what is called so in a request is another one in every request.
func isVolatileName(name string) bool { return volatileNames.MatchString(squashed(name)) }

func isGroupName(name string) bool { return groupNames.MatchString(squashed(name)) }
