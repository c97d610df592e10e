package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The shop: centres, categories, products and coupons, which do not depend on the time.

const shopProducts = 30

func (q coupangCall) outbound() (any, error) {
	byName := q.query.Has("placeCodes") || q.query.Has("placeNames")
	if !byName && (q.query.Get("pageNum") == "" || q.query.Get("pageSize") == "") {
		return nil, errors.New("pageNum and pageSize can't be null")
	}
	var list []jsonMap
	for i := range 12 {
		list = append(list, jsonMap{"outboundShippingPlaceCode": 74010 + i, "shippingPlaceName": fmt.Sprintf("测试出货地 %d", i), "createDate": "2026-01-01", "usable": true,
			"placeAddresses": []jsonMap{{"addressType": "ROADNAME", "countryCode": "KR", "companyContactNumber": coupangMobile + "0009",
				"returnZipCode": "10516", "returnAddress": coupangStreet, "returnAddressDetail": "109동 1203호"}},
			"remoteInfos": []jsonMap{{"remoteInfoId": 500 + i, "deliveryCode": "CJGLS", "jejuFee": 5000, "notJeju": 2500, "usable": true}}})
	}
	list, about, err := q.counted(list, "pageNum", "pageSize", 1, 10, 50)
	return jsonMap{"content": list, "pagination": about}, err
}

func (q coupangCall) centers() []jsonMap {
	var list []jsonMap
	for i := range 7 {
		list = append(list, jsonMap{"vendorId": q.opts.VendorID, "returnCenterCode": fmt.Sprint(1000274500 + i), "shippingPlaceName": fmt.Sprintf("测试退货地 %d", i),
			"deliverCode": "CJGLS", "deliverName": "CJ대한통운", "goodsflowStatus": "SUCCESS", "errorMessage": "", "createdAt": "1746093162000", "usable": true,
			"vendorCreditFee02kg": q.money(2500), "vendorCashFee02kg": q.money(2600), "consumerCashFee02kg": q.money(2700),
			"placeAddresses": []jsonMap{{"addressType": "ROADNAME", "companyContactNumber": coupangMobile + "0009", "returnAddress": coupangStreet}}})
	}
	return list
}

func (q coupangCall) returnCenters() (any, error) {
	list, about, err := q.counted(q.centers(), "pageNum", "pageSize", 1, 10, 50)
	return jsonMap{"code": 200, "message": "SUCCESS", "data": jsonMap{"content": list, "pagination": about}}, err
}

func (q coupangCall) centersByCode() (any, error) {
	codes := strings.Split(q.query.Get("returnCenterCodes"), ",")
	if codes[0] == "" || len(codes) > 100 {
		return nil, errors.New("returnCenterCodes must be 1 to 100 codes")
	}
	list := slices.DeleteFunc(q.centers(), func(m jsonMap) bool { return !slices.Contains(codes, fmt.Sprint(m["returnCenterCode"])) })
	return listed(list, ""), nil
}

func (q coupangCall) categories() (any, error) {
	node := func(code int, name string, child ...jsonMap) jsonMap {
		return jsonMap{"displayItemCategoryCode": code, "name": name, "status": "ACTIVE", "child": nonNil(child)}
	}
	return jsonMap{"code": "SUCCESS", "message": "", "data": node(0, "ROOT",
		node(69182, "패션의류잡화", node(69183, "여성패션", node(69184, "티셔츠")), node(69200, "남성패션")),
		node(59258, "식품", node(59259, "과자")))}, nil
}

func (q coupangCall) known() error {
	if n, err := strconv.Atoi(q.id); err != nil || n < 0 || n > 99999 {
		return fmt.Errorf("displayCategoryCode %q is invalid", q.id)
	}
	return nil
}

func (q coupangCall) categoryStatus() (any, error) {
	return jsonMap{"code": "SUCCESS", "message": "", "data": q.id != "69200"}, q.known()
}

func (q coupangCall) categoryMeta() (any, error) {
	return jsonMap{"code": "SUCCESS", "message": "", "data": jsonMap{
		"isAllowSingleItem": true, "attributes": []jsonMap{{"attributeTypeName": "수량", "dataType": "NUMBER", "basicUnit": "개", "required": "MANDATORY"}},
		"noticeCategories":      []jsonMap{{"noticeCategoryName": "의류", "noticeCategoryDetailNames": []jsonMap{{"noticeCategoryDetailName": "소재", "required": "MANDATORY"}}}},
		"requiredDocumentNames": []jsonMap{{"templateName": "기타인증서류", "required": "OPTIONAL"}}, "certifications": []jsonMap{}, "allowedOfferConditions": []string{"NEW"},
	}}, q.known()
}

func (q coupangCall) goods(i int64) jsonMap {
	return jsonMap{
		"sellerProductId": 80_240_000 + i, "sellerProductName": product(2 * i), "displayCategoryCode": 69184, "categoryId": 2317, "productId": 31_846_000 + i,
		"vendorId": q.opts.VendorID, "mdId": "", "mdName": "", "saleStartedAt": "2026-01-01T00:00:00", "saleEndedAt": "2099-01-01T23:59:59", "brand": "测试",
		"statusName": "승인완료", "createdAt": q.time(coupangEpoch().Add(time.Duration(i) * 5 * time.Hour)),
	}
}

func (q coupangCall) products() (any, error) {
	if q.query.Get("vendorId") == "" {
		return nil, errors.New("vendorId can't be null")
	}
	var list []jsonMap
	for i := range int64(shopProducts) {
		list = append(list, q.goods(i))
	}
	size, err := q.size("maxPerPage", 10, 100)
	if err != nil {
		return nil, err
	}
	list, token, err := q.cut(list, "nextToken", size)
	return jsonMap{"code": "SUCCESS", "message": "", "data": list, "nextToken": token}, err
}

func (q coupangCall) productsByTime() (any, error) {
	from, to, err := q.window("createdAtFrom", "createdAtTo", 10*time.Minute, "createdAtTo - createdAtFrom must be within 10 minutes", "2006-01-02T15:04:05")
	if err != nil {
		return nil, err
	}
	list := []jsonMap{}
	for i := range int64(shopProducts) {
		if at := coupangEpoch().Add(time.Duration(i) * 5 * time.Hour); !at.Before(from) && at.Before(to) {
			list = append(list, q.goods(i))
		}
	}
	return jsonMap{"code": "SUCCESS", "message": "", "data": list}, nil
}

// number is the place of a product that is asked for by its id.
func (q coupangCall) number() (int64, error) {
	id, err := strconv.ParseInt(q.id, 10, 64)
	if i := id - 80_240_000; err == nil && i >= 0 && i < shopProducts {
		return i, nil
	}
	return 0, fmt.Errorf("상품(%s)의 데이터가 없습니다", q.id)
}

func (q coupangCall) product() (any, error) {
	i, err := q.number()
	m := q.goods(i)
	m["status"], m["deliveryMethod"], m["deliveryChargeType"], m["deliveryCharge"] = "APPROVED", "SEQUENCIAL", "FREE", 0
	m["returnAddress"], m["companyContactNumber"], m["vendorUserId"] = coupangStreet, coupangMobile+"0009", coupangName
	var items []jsonMap
	for n := range int64(2) {
		items = append(items, jsonMap{"sellerProductItemId": 90_000_000 + 2*i + n, "vendorItemId": vendorItem(2*i + n), "itemId": 100_000 + 2*i + n,
			"itemName": fmt.Sprintf("%d개", n+1), "originalPrice": price(i) + 1000, "salePrice": price(i), "externalVendorSku": fmt.Sprintf("SKU-%d", 2*i+n)})
	}
	if i == 0 {
		items[1]["vendorItemId"] = nil // not approved yet
	}
	m["items"] = items
	return jsonMap{"code": "SUCCESS", "message": "", "data": m}, err
}

func (q coupangCall) productHistory() (any, error) {
	i, err := q.number()
	at := coupangEpoch().Add(time.Duration(i) * 5 * time.Hour)
	return jsonMap{"code": "SUCCESS", "message": "", "nextToken": "", "data": []jsonMap{
		{"sellerProductId": 80_240_000 + i, "status": "IN_REVIEW", "statusName": "심사중", "createdAt": q.time(at), "createdBy": coupangName, "comment": "승인요청"},
		{"sellerProductId": 80_240_000 + i, "status": "APPROVED", "statusName": "승인완료", "createdAt": q.time(at.Add(time.Hour)), "createdBy": "SYSTEM", "comment": "승인완료"},
	}}, err
}

func (q coupangCall) stock() (any, error) {
	id, err := strconv.ParseInt(q.id, 10, 64)
	if err != nil || id < 3_242_596_000 {
		return nil, fmt.Errorf("유효한 옵션이 없습니다: %s", q.id)
	}
	return jsonMap{"code": "SUCCESS", "message": "", "data": jsonMap{"sellerItemId": id - 3_152_596_000, "amountInStock": id % 100, "salePrice": price(id % 60), "onSale": true}}, nil
}

func (q coupangCall) quota() (any, error) {
	return jsonMap{"code": "SUCCESS", "message": "", "data": jsonMap{"vendorId": q.opts.VendorID, "restricted": false, "registeredCount": shopProducts, "permittedCount": 5000}}, nil
}

// promoted wraps the content of fms.
func promoted(content []jsonMap, about any) jsonMap {
	return jsonMap{"code": 200, "message": "OK", "httpStatus": 200, "httpStatusMessage": "OK", "errorMessage": "",
		"data": jsonMap{"success": true, "content": nonNil(content), "pagination": about}}
}

func (q coupangCall) contracts() (any, error) {
	return promoted([]jsonMap{
		{"contractId": 1, "vendorContractId": -1, "sellerId": q.opts.VendorID, "sellerShareRatio": 100.0, "coupangShareRatio": 0.0, "gmvRatio": 0.0,
			"start": "2026-01-01 00:00:00", "end": "2999-12-31 23:59:59", "type": "NON_CONTRACT_BASED", "useBudget": false, "modifiedAt": "2026-01-01 00:00:00", "modifiedBy": coupangName},
		{"contractId": 2, "vendorContractId": 2, "sellerId": q.opts.VendorID, "sellerShareRatio": 90.5, "coupangShareRatio": 9.5, "gmvRatio": 5,
			"start": "2026-02-01 00:00:00", "end": "2027-01-31 23:59:59", "type": "CONTRACT_BASED", "useBudget": true, "modifiedAt": "2026-02-01 00:00:00", "modifiedBy": coupangName},
	}, nil), nil
}

func (q coupangCall) budgets() (any, error) {
	month, err := time.Parse("2006-01", q.query.Get("targetMonth"))
	if err != nil {
		return nil, errors.New("targetMonth must be yyyy-MM")
	}
	var list []jsonMap
	for i := range 2 {
		list = append(list, jsonMap{"contractId": 1 + i, "targetMonth": month.Format("2006-01"), "vendorShareRatio": 100 - 10*i, "totalBudgetAmount": 1_000_000,
			"usedBudgetAmount": 1000 * int(month.Month())})
	}
	list, about, err := q.counted(list, "page", "size", 1, 10, 100)
	return promoted(list, about), err
}

func (q coupangCall) coupons() (any, error) {
	words := []string{"STANDBY", "APPLIED", "PAUSED", "EXPIRED", "DETACHED"}
	if err := q.oneOf("status", words...); err != nil {
		return nil, err
	}
	var list []jsonMap
	for i := range 14 {
		if status := words[i%5]; status == q.query.Get("status") {
			list = append(list, jsonMap{"couponId": 68 + i, "contractId": 1, "vendorContractId": -1, "promotionName": fmt.Sprintf("测试优惠 %d", i), "type": "RATE", "status": status,
				"startAt": "2026-03-01 00:00:00", "endAt": "2026-12-31 23:59:59", "discount": 10, "maxDiscountPrice": 1000, "wowExclusive": false})
		}
	}
	list, about, err := q.counted(list, "page", "size", 1, 10, 100)
	return promoted(list, about), err
}

func (q coupangCall) couponItems() (any, error) {
	id, err := strconv.ParseInt(q.id, 10, 64)
	if err != nil {
		return nil, errors.New("couponId is invalid")
	}
	var list []jsonMap
	for i := range int64(3) {
		if q.query.Get("status") == "APPLIED" {
			list = append(list, jsonMap{"couponItemId": 1000*id + i, "couponId": id, "vendorItemId": vendorItem(i), "status": "APPLIED", "startAt": "2026-03-01 00:00:00",
				"endAt": "2026-12-31 23:59:59"})
		}
	}
	list, about, err := q.counted(list, "page", "size", 0, 10, 100)
	return promoted(list, about), err
}

func (q coupangCall) downloadCoupon() (any, error) {
	id, err := strconv.ParseInt(q.id, 10, 64)
	if err != nil {
		return nil, errors.New("couponId is invalid")
	}
	return jsonMap{"couponId": id, "title": "测试下载优惠", "couponType": "DOWNLOAD", "couponStatus": "IN_PROGRESS", "publishedDate": "2026-03-01 00:00:00",
		"startDate": "2026-03-01 00:00:00", "endDate": "2026-12-31 23:59:59", "appliedOptionCount": 3, "usageAmount": 0, "lastModifierId": coupangName,
		"lastModifiedDate": "2026-03-01 00:00:00"}, nil
}
