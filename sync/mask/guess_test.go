package mask_test

import (
	"strings"
	"testing"

	"milkrun/sync/mask"
)

func TestGuess(t *testing.T) {
	for want, columns := range map[string]string{
		"phone":     "phone userPhone USER_PHONE mobile MobileNo mobilephone tel telNo phone2 safeNumber contact_phone 手机号 手机号码 联系电话 联系人电话 lxdh sjhm",
		"landline":  "fax landline 传真 固定电话",
		"id_card":   "id_card idcard idCardNo IDCard ID_NUMBER certNo 身份证号 法人身份证号 证件号码 sfzh passport_no identity",
		"name":      "name user_name userName username USERNAME realName real_name contact contactName contact xm XM 姓名 真实姓名 联系人 收货人姓名 法人 法定代表人 nickname ordererName enterpriseContactName shop_owner_name legal_rep name1 full_name busi_owner",
		"email":     "email e_mail eMail userEmail email_address mail 邮箱 电子邮件 邮箱地址",
		"address":   "address addr addr1 receiverAddr home_address 地址 收货地址 家庭住址",
		"bank_card": "bank bankCard bank_card_no bank_account cardNo account_no 银行卡号 银行账号",
		"plate":     "plate plate_no licensePlate 车牌号",
		"ipv4":      "ip client_ip IP地址 ipAddress",
		"password":  "password passwd user_pwd 密码 birthday birth_date 出生日期",
		"": `enterpriseName enterprise_name companyname product_name productName goodsName file_name filename table_name hostname
			bank_name bank_branch shop_name order_name product_full_name busi_item busi_detail create_date id user_id uniscId 统一社会信用代码 grade
			企业名称 产品名称 template_no telegram description tip zip recipe renamed shipment status 订单号 状态 hotel`,
	} {
		for _, column := range strings.Fields(columns) {
			rule, ok := mask.Guess(column)
			got := rule.String()
			if !ok {
				got = ""
			}
			if got != want {
				t.Errorf("Guess(%q) = %q, want %q", column, got, want)
			}
		}
	}
}

// Signs and digits around a column name change nothing.
func FuzzGuess(f *testing.F) {
	f.Add("user_phone")
	f.Add("IP地址")
	f.Fuzz(func(t *testing.T, column string) {
		rule, ok := mask.Guess(column)
		for _, same := range []string{"_" + column + " ", "1." + column + "2"} {
			if again, okAgain := mask.Guess(same); again != rule || ok != okAgain {
				t.Fatalf("Guess(%q) = %s %v, but Guess(%q) = %s %v", column, rule, ok, same, again, okAgain)
			}
		}
	})
}
