package credit

import (
	"errors"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

// TestRefusedPages has the answers that are no page, and how they are named.
func TestRefusedPages(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		verdict feed.Verdict
		code    string
		text    string
	}{
		"busy":             {`{"result":0,"msg":"系统繁忙，请稍后再试"}`, feed.Retry, "result 0", "result 0: 系统繁忙"},
		"user too often":   {`{"result":0,"msg":"用户访问过于频繁"}`, feed.Retry, "result 0", "频繁"},
		"wrong password":   {`{"result":0,"msg":"用户名或密码错误，请稍后再试"}`, feed.HaltConnection, "result 0", "密码"},
		"authentication":   {`{"result":"0","msg":"鉴权失败"}`, feed.HaltConnection, "result 0", "鉴权"},
		"access id":        {`{"result":0,"msg":"AccessID 不存在"}`, feed.HaltConnection, "result 0", "AccessID"},
		"permission":       {`{"result":0,"msg":"无此接口权限"}`, feed.HaltConnection, "result 0", "权限"},
		"unknown failure":  {`{"result":0,"msg":"企业不存在"}`, feed.Retry, "result 0", "企业不存在"},
		"failure, data":    {`{"result":0,"msg":"x","data":""}`, feed.Retry, "result 0", "x"},
		"unknown result":   {`{"result":2,"data":{"count":0,"companyList":[]}}`, feed.Retry, "result 2", "result 2"},
		"result true":      {`{"result":true,"data":{"count":0,"companyList":[]}}`, feed.Retry, "result true", "result true"},
		"no result":        {`{"data":{"count":0,"companyList":[]}}`, feed.Retry, "result missing", "no result"},
		"empty object":     {`{}`, feed.Retry, "result missing", "no result"},
		"echoed secret":    {`{"result":0,"msg":"pwd sandbox-password 13800138000"}`, feed.Retry, "result 0", "pwd [secret] "},
		"long message":     {`{"result":0,"msg":"` + strings.Repeat("长", 1000) + `"}`, feed.Retry, "result 0", "长…"},
		"list":             {`[]`, feed.Retry, "result missing", "no result"},
		"html":             {`<html>502</html>`, feed.Retry, "unreadable", "HTML"},
		"empty":            {``, feed.Retry, "unreadable", "empty"},
		"cut":              {page(one, one)[:150], feed.Retry, "unreadable", "ends in the middle"},
		"garbage behind":   {page(one, one) + "}", feed.Retry, "unreadable", "wanted the end"},
		"echo in html":     {`<p>sandbox-password</p>`, feed.Retry, "unreadable", "<p>[secret]</p>"},
		"no count":         {`{"result":1,"data":{"companyList":[]}}`, feed.Retry, "count", "count is missing"},
		"negative count":   {`{"result":1,"data":{"count":-5,"companyList":[]}}`, feed.Retry, "page", "count is not a whole number"},
		"count is text":    {`{"result":1,"data":{"count":"many","companyList":[]}}`, feed.Retry, "page", "count is not a whole number"},
		"other page":       {`{"result":1,"data":{"pageno":4,"count":9,"companyList":[]}}`, feed.Retry, "pageno", "is page 4"},
		"too many":         {`{"result":1,"data":{"count":9,"companyList":[` + one + "," + one + "," + one + `]}}`, feed.Retry, "companyList", "3 records; 2 were"},
		"no list":          {`{"result":1,"data":{"count":9}}`, feed.Retry, "companyList", "missing"},
		"null list":        {`{"result":1,"data":{"count":9,"companyList":null}}`, feed.Retry, "companyList", "missing"},
		"list is text":     {`{"result":1,"data":{"count":9,"companyList":"x"}}`, feed.Retry, "page", "companyList is a text"},
		"data is text":     {`{"result":1,"data":"encrypted"}`, feed.Retry, "page", "data is a text"},
		"record is number": {`{"result":1,"data":{"count":9,"companyList":[` + one + `,7]}}`, feed.Retry, "page", "record 2 of companyList is a number"},
		"name is list":     {`{"result":1,"data":{"count":9,"companyList":[{"enterpriseName":[]}]}}`, feed.Retry, "page", "enterpriseName of record 1"},
		"count twice":      {`{"result":1,"data":{"count":9,"count":8,"companyList":[]}}`, feed.Retry, "page", "count stands twice"},
		"smaller pages":    {`{"result":1,"data":{"count":9,"pagesize":1,"companyList":[` + one + `]}}`, feed.Retry, "pagesize", "pages of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := open(t, answering(c.body), nil).Fetch(t.Context(), `{"page":1,"size":2}`, 2)
			var e *feed.Error
			if !errors.As(err, &e) {
				t.Fatalf("%+v, %v", p, err)
			}
			if e.Verdict != c.verdict || e.Code != c.code || !strings.Contains(e.Error(), c.text) {
				t.Errorf("%v, %q, %q", e.Verdict, e.Code, e.Error())
			}
			if !strings.HasPrefix(e.Error(), "shanxi: getEnterpriseGrades page 2: ") {
				t.Errorf("the place is not named: %s", e)
			}
			if e.Remedy == "" {
				t.Error("no remedy")
			}
			if text := e.Error() + e.Code; strings.Contains(text, password) || strings.Contains(text, "13800138000") || len([]rune(text)) > 400 {
				t.Errorf("too much is shown: %s", text)
			}
		})
	}
}

func TestLastPages(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		done bool
		next feed.Cursor
	}{
		"full":            {`{"count":9,"companyList":[` + one + "," + one + `]}`, false, `{"page":2,"size":2}`},
		"short":           {`{"count":9,"companyList":[` + one + `]}`, false, `{"page":2,"size":2}`},
		"short, size":     {`{"count":9,"pagesize":2,"companyList":[` + one + `]}`, false, `{"page":2,"size":2}`},
		"full and last":   {`{"count":4,"companyList":[` + one + "," + one + `]}`, true, `{"page":2,"size":2}`},
		"short and last":  {`{"count":3,"pagesize":1,"companyList":[` + one + `]}`, true, `{"page":2,"size":2}`},
		"empty too early": {`{"count":9,"companyList":[]}`, true, `{"page":1,"size":2}`},
		"behind the end":  {`{"count":2}`, true, `{"page":1,"size":2}`},
	} {
		p, err := open(t, answering(`{"result":1,"data":`+c.body+`}`), nil).Fetch(t.Context(), `{"page":1,"size":2}`, 2)
		if err != nil || p.Done != c.done || p.Next != c.next || p.Bytes == 0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
