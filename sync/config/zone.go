package config

import (
	"fmt"
	"strings"
	"time"

	"milkrun/sync/config/near"
)

// loadZone returns a time zone by its IANA name.
func loadZone(text string) (*time.Location, error) {
	if text == "" || text == "Local" {
		return nil, fmt.Errorf(`the zone must be named, so that it is the same on every machine; write for example "Asia/Shanghai"`)
	}
	loc, err := time.LoadLocation(text)
	if err == nil {
		return loc, nil
	}
	if _, err := time.LoadLocation("Asia/Shanghai"); err != nil {
		return nil, fmt.Errorf("%q cannot be looked up: this machine has no time zone database; write \"UTC\" or install tzdata", text)
	}
	if meant := meantZone(text); meant != "" {
		return nil, fmt.Errorf("%q is no time zone; did you mean %q?", text, meant)
	}
	return nil, fmt.Errorf("%q is no time zone; write a name such as \"Asia/Shanghai\" or \"UTC\"", text)
}

// meantZone guesses a zone. China has one zone; it is called after Shanghai, which surprises people.
func meantZone(text string) string {
	for _, word := range strings.Fields("beijing peking china chongqing cst utc+8 utc+08 utc+08:00 gmt+8 gmt+08:00 +08 +08:00 +0800 8 北京 中国 上海") {
		if strings.TrimPrefix(strings.ToLower(text), "asia/") == word {
			return "Asia/Shanghai"
		}
	}
	zones := strings.Fields(frequentZones)
	if meant := near.Near(text, zones); meant != "" {
		return meant
	}
	for _, z := range zones { // the city alone
		if _, city, _ := strings.Cut(z, "/"); city != "" && near.Near(text, []string{city}) != "" {
			return z
		}
	}
	return ""
}

// frequentZones are the ones suggested; all others are accepted just as well.
const frequentZones = `UTC Asia/Shanghai Asia/Urumqi Asia/Hong_Kong Asia/Macau Asia/Taipei Asia/Tokyo Asia/Seoul
Asia/Pyongyang Asia/Ulaanbaatar Asia/Singapore Asia/Kuala_Lumpur Asia/Manila Asia/Jakarta Asia/Ho_Chi_Minh Asia/Bangkok
Asia/Phnom_Penh Asia/Vientiane Asia/Yangon Asia/Dhaka Asia/Kolkata Asia/Karachi Asia/Kathmandu Asia/Colombo Asia/Kabul
Asia/Tashkent Asia/Almaty Asia/Bishkek Asia/Dushanbe Asia/Tehran Asia/Dubai Asia/Riyadh Asia/Baghdad Asia/Jerusalem
Europe/Moscow Europe/Istanbul Europe/Athens Europe/Kyiv Europe/Warsaw Europe/Berlin Europe/Vienna Europe/Zurich
Europe/Rome Europe/Paris Europe/Madrid Europe/Amsterdam Europe/Brussels Europe/Stockholm Europe/London Europe/Lisbon
Europe/Dublin Africa/Cairo Africa/Lagos Africa/Nairobi Africa/Johannesburg Australia/Perth Australia/Adelaide
Australia/Brisbane Australia/Sydney Australia/Melbourne Australia/Lord_Howe Pacific/Auckland Pacific/Honolulu
America/Sao_Paulo America/Argentina/Buenos_Aires America/Bogota America/Mexico_City America/New_York America/Toronto
America/Chicago America/Denver America/Phoenix America/Los_Angeles America/Vancouver America/Anchorage`
