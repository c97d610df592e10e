package sandbox

import (
	"fmt"
	"time"
)

// firstBox is the shipment box of the first order: 18 digits, as Coupang's are.
const firstBox = 642_538_971_006_400_000

func orderID(i int64) int64    { return 22_000_009_000_000 + i }
func vendorItem(i int64) int64 { return 3_242_596_000 + i%60 }
func price(i int64) int64      { return 9_900 + i%20*1_000 }
func product(i int64) string   { return fmt.Sprintf("测试商品 %02d", i%60/2) }

// at is when order i came.
func (c *Coupang) at(i int64) time.Time {
	return coupangEpoch().Add(time.Duration(i) * c.opts.Every)
}

// between are the orders that came in [from, to), as far as they have come.
func (c *Coupang) between(from, to time.Time) []int64 {
	if now := c.opts.Now(); to.After(now) {
		to = now
	}
	var list []int64
	i := max(0, int64(from.Sub(coupangEpoch())/c.opts.Every))
	for ; c.at(i).Before(to); i++ {
		if !c.at(i).Before(from) {
			list = append(list, i)
		}
	}
	return list
}

// Boxes are the shipment boxes of the orders that came in [from, to), for tests.
func (c *Coupang) Boxes(from, to time.Time) []int64 {
	list := c.between(from, to)
	for n, i := range list {
		list[n] = firstBox + i
	}
	return list
}

// orderStatus follows from the age of an order.
func (c *Coupang) orderStatus(i int64) string {
	if i%17 == 16 {
		return "NONE_TRACKING"
	}
	switch age := c.opts.Now().Sub(c.at(i)); {
	case age < 2*time.Hour:
		return "ACCEPT"
	case age < oneDay:
		return "INSTRUCT"
	case age < 2*oneDay:
		return "DEPARTURE"
	case age < 4*oneDay:
		return "DELIVERING"
	}
	return "FINAL_DELIVERY"
}

func returnStatus(i int64) string { return []string{"RU", "UC", "CC", "PR"}[i/7%4] }

// The people of the stand-in; leak tests look for them.
const (
	coupangName   = "신테스트"
	coupangMobile = "0503-1234-"
	coupangStreet = "경기 오산시 가상로 12"
	coupangEmail  = "nobody@example.com"
)

// CoupangPersonal are texts of the stand-in's answers that are personal, for tests that search for leaks.
func CoupangPersonal() []string {
	return []string{coupangName, coupangMobile, coupangStreet, "109동 1203호", coupangEmail, "문 앞 비밀번호", "P123456789012", "가상은행", "110-222-333444"}
}

func (q coupangCall) order(i int64) jsonMap {
	at, phone := q.at(i), coupangMobile+fmt.Sprintf("%04d", i%10000)
	item := jsonMap{
		"vendorItemPackageId": 0, "vendorItemPackageName": product(i), "productId": 31_846_000 + i%60, "vendorItemId": vendorItem(i),
		"vendorItemName": product(i) + ", 1개", "shippingCount": 1 + i%3, "salesPrice": q.money(price(i)), "orderPrice": q.money(price(i) * (1 + i%3)),
		"discountPrice": q.money(0), "externalVendorSkuCode": fmt.Sprintf("SKU-%d", i%60), "sellerProductId": 80_240_000 + i%30,
		"sellerProductName": product(i), "sellerProductItemName": "1개", "cancelCount": 0, "holdCountForCancel": 0, "canceled": false,
	}
	items := []jsonMap{item}
	if i%4 == 0 {
		second := jsonMap{}
		for k, v := range item {
			second[k] = v
		}
		second["vendorItemId"] = vendorItem(i + 1)
		items = append(items, second)
	}
	var oversea any
	if i%10 == 0 {
		oversea = jsonMap{"personalCustomsClearanceCode": "P123456789012", "orderersSsn": "", "ordererPhoneNumber": phone}
	}
	return jsonMap{
		"shipmentBoxId": firstBox + i, "orderId": orderID(i), "orderedAt": q.time(at), "paidAt": q.time(at.Add(30 * time.Second)), "status": q.orderStatus(i),
		"orderer":       jsonMap{"name": coupangName, "email": "", "safeNumber": phone, "ordererNumber": nil},
		"shippingPrice": q.money(2500), "remotePrice": nil, "remoteArea": false, "parcelPrintMessage": "문 앞 비밀번호 1234", "splitShipping": false,
		"ableSplitShipping": false,
		"receiver": jsonMap{"name": coupangName, "safeNumber": phone, "receiverNumber": nil, "addr1": coupangStreet, "addr2": "109동 1203호",
			"postCode": "447-700"},
		"orderItems": items, "overseaShippingInfoDto": oversea, "deliveryCompanyName": "", "invoiceNumber": "", "inTrasitDateTime": "",
		"deliveredDate": "", "refer": "PC웹", "shipmentType": []string{"THIRD_PARTY", "CGF", "CGF LITE"}[i%3], "isCod": false, "extraProperties": jsonMap{},
	}
}

func (q coupangCall) returned(i int64, cancelled bool) jsonMap {
	kind, receipt := "RETURN", 520_000_000+i
	if cancelled {
		kind, receipt = "CANCEL", 620_000_000+i
	}
	m := jsonMap{
		"receiptId": receipt, "orderId": orderID(i), "paymentId": 700_000_000 + i, "receiptType": kind, "receiptStatus": "RETURNS_UNCHECKED",
		"createdAt": q.time(q.at(i)), "modifiedAt": q.time(q.at(i).Add(time.Hour)), "requesterName": coupangName,
		"requesterPhoneNumber": coupangMobile + "0001", "requesterRealPhoneNumber": nil, "requesterAddress": coupangStreet,
		"requesterAddressDetail": "109동 1203호", "requesterZipCode": "447700", "cancelReasonCategory1": "고객변심", "cancelReasonCategory2": "단순변심(사유없음)",
		"cancelReason": "문 앞 비밀번호 1234", "cancelCountSum": 1, "returnDeliveryId": 4_900_000 + i, "returnDeliveryType": "전담택배",
		"releaseStopStatus": "미처리", "enclosePrice": q.money(0), "faultByType": []string{"CUSTOMER", "VENDOR", "COUPANG"}[i%3], "preRefund": false,
		"completeConfirmType": "UNDEFINED", "completeConfirmDate": "", "reasonCode": "CHANGEMIND", "reasonCodeText": "필요 없어짐 (단순 변심)",
		"returnShippingCharge": q.money(-2500),
		"returnItems": []jsonMap{{"vendorItemId": vendorItem(i), "vendorItemName": product(i), "cancelCount": 1, "purchaseCount": 1,
			"shipmentBoxId": firstBox + i, "releaseStatus": "Y", "sellerProductName": product(i)}},
		"returnDeliveryDtos": []jsonMap{{"deliveryCompanyCode": "CJGLS", "deliveryInvoiceNo": fmt.Sprint(38_000_000_000 + i)}},
	}
	return m
}

func (q coupangCall) exchange(i int64) jsonMap {
	status := []string{"RECEIPT", "PROGRESS", "SUCCESS", "REJECT", "CANCEL"}[i/13%5]
	return jsonMap{
		"exchangeId": 101_000_000 + i, "orderId": orderID(i), "vendorId": q.opts.VendorID, "orderDeliveryStatusCode": "FINAL_DELIVERY", "exchangeStatus": status,
		"referType": "VENDOR", "faultType": "CUSTOMER", "exchangeAmount": 5000, "reason": "문 앞 비밀번호 1234", "reasonCode": "SIZE", "reasonCodeText": "사이즈",
		"createdByType": "CUSTOMER", "createdAt": q.time(q.at(i)), "modifiedByType": "CUSTOMER", "moodifiedAt": q.time(q.at(i).Add(time.Hour)),
		"exchangeItemDtoV1s": []jsonMap{{"exchangeItemId": 202_000_000 + i, "orderItemId": vendorItem(i), "orderItemName": product(i), "targetItemId": vendorItem(i + 1),
			"targetItemName": product(i + 1), "quantity": 1}},
		"exchangeAddressDtoV1": jsonMap{"exchangeAddressId": 303_000_000 + i, "returnCustomerName": coupangName, "returnMobile": coupangMobile + "0002",
			"returnAddress": coupangStreet, "returnAddressDetail": "109동 1203호", "returnMemo": "문 앞 비밀번호 1234"},
		"deliveryStatus": "BeforeDirection", "collectStatus": "BeforeDirection",
	}
}

func (q coupangCall) inquiry(i int64) jsonMap {
	return jsonMap{
		"inquiryId": 150_000_000 + i, "productId": 31_846_000 + i%60, "sellerProductId": 80_240_000 + i%30, "sellerItemId": 90_000_000 + i%60,
		"vendorItemId": vendorItem(i), "content": coupangName + " 문 앞 비밀번호 1234", "inquiryAt": q.time(q.at(i)), "orderIds": []int64{orderID(i)},
		"buyerEmail": coupangEmail, "commentDtoList": []jsonMap{},
	}
}

func (q coupangCall) called(i int64) jsonMap {
	return jsonMap{
		"inquiryId": 160_000_000 + i, "inquiryStatus": "progress", "csPartnerCounselingStatus": "requestAnswer", "orderId": orderID(i),
		"vendorItemId": []int64{vendorItem(i)}, "itemName": product(i), "content": coupangName + " 문 앞 비밀번호 1234", "inquiryAt": q.time(q.at(i)),
		"buyerPhone": coupangMobile + "0003", "replies": []jsonMap{{"answerId": 1, "content": coupangName, "receptionistName": coupangName}},
	}
}

func (q coupangCall) sale(i int64) jsonMap {
	recognised := q.at(i).AddDate(0, 0, 10)
	return jsonMap{
		"orderId": orderID(i), "saleType": "SALE", "saleDate": q.at(i).Format(time.DateOnly), "recognitionDate": recognised.Format(time.DateOnly),
		"settlementDate": recognised.AddDate(0, 0, 20).Format(time.DateOnly), "finalSettlementDate": "",
		"deliveryFee": jsonMap{"amount": 2500, "fee": 75, "feeVat": 8, "feeRatio": 3, "settlementAmount": 2417},
		"items": []jsonMap{{"taxType": "TAX", "productId": 31_846_000 + i%60, "productName": product(i), "vendorItemId": vendorItem(i), "vendorItemName": product(i),
			"salePrice": price(i), "quantity": 1, "couapngDiscountCoupon": 0, "saleAmount": price(i), "sellerDiscountCoupon": 0, "downloadableCoupon": 0,
			"serviceFee": price(i) / 10, "serviceFeeVat": price(i) / 100, "serviceFeeRatio": 10.8, "settlementAmount": price(i) - price(i)/10,
			"externalSellerSkuCode": fmt.Sprintf("SKU-%d", i%60)}},
	}
}

func settlement(month, from, paid time.Time, week int64) jsonMap {
	sale := 182_000 + 1000*week
	return jsonMap{
		"settlementType": "WEEKLY", "settlementDate": paid.Format(time.DateOnly), "revenueRecognitionYearMonth": month.Format("2006-01"),
		"revenueRecognitionDateFrom": from.Format(time.DateOnly), "revenueRecognitionDateTo": from.AddDate(0, 0, 6).Format(time.DateOnly),
		"totalSale": sale, "serviceFee": sale / 10, "settlementTargetAmount": sale - sale/10, "settlementAmount": (sale - sale/10) * 7 / 10, "lastAmount": 0,
		"pendingReleasedAmount": 0, "finalAmount": (sale - sale/10) * 7 / 10, "status": "DONE",
		"bankAccountHolder": coupangName, "bankName": "가상은행", "bankAccount": "110-222-333444",
	}
}
