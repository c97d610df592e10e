package words

import "testing"

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		want Lang
		env  map[string]string
	}{
		{English, nil},
		{Chinese, map[string]string{"LANG": "zh_CN.UTF-8"}},
		{Chinese, map[string]string{"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN"}},
		{English, map[string]string{"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "zh_CN", "LC_ALL": "C"}},
		{English, map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}},
		{English, map[string]string{"LANG": "de_DE.UTF-8"}},
		{English, map[string]string{"LANG": "POSIX"}},
	} {
		if got := Detect(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %s, want %s", c.env, got, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Lang{"zh": Chinese, "en": English, "zh-CN": Chinese, "ZH_cn.UTF-8": Chinese, "zh.GBK": Chinese, "en@euro": English} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "C", "chinese", "zhx", "de", "_zh"} {
		if got, err := Parse(text); err == nil || got != English {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}
