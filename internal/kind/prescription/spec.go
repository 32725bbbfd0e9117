package prescription

import (
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// The tables of a prescription. Columns are the names of the national shape in
// capitals, members of an inner object behind its name.
const (
	tableHead      = "DON_THUOC"
	tableDiagnoses = "CHAN_DOAN"
	tableDrugs     = "THUOC"
)

// Members that are lists of rows.
const (
	listDiagnoses = "chan_doan"
	listDrugs     = "thong_tin_don_thuoc"
)

// Source of the shape: the public interface of the national prescription system.
const source = "26/2025"

// Spec is the tables with their labels; it is not one of the QĐ 4750 family's
// versions. The day is that of Circular 26/2025/TT-BYT.
func Spec() *schema.Version { return spec }

// spec never changes.
var spec = schema.NewVersion("donthuoc", "Đơn thuốc quốc gia (Thông tư 26/2025/TT-BYT)", 20250701,
	&schema.Table{Name: tableHead, Title: fault.Text{VI: "Đơn thuốc", EN: "Prescription"}, Single: true, Fields: headFields()},
	&schema.Table{Name: tableDiagnoses, Title: fault.Text{VI: "Chẩn đoán", EN: "Diagnoses"}, Fields: diagnosisFields()},
	&schema.Table{Name: tableDrugs, Title: fault.Text{VI: "Thuốc kê đơn", EN: "Drugs prescribed"}, Fields: drugFields()},
)

func field(name string, t schema.Type, need schema.Need, vi, en string) schema.Field {
	return schema.Field{Name: name, Type: t, Required: need, Source: source, LabelVI: vi, LabelEN: en}
}

func headFields() []schema.Field {
	kinds := field("LOAI_DON_THUOC", schema.Code, schema.Required, "Loại đơn thuốc", "Kind of prescription")
	kinds.Values = []schema.Value{
		{Code: "c", Text: fault.Text{VI: "Đơn thuốc cơ bản", EN: "Basic"}},
		{Code: "n", Text: fault.Text{VI: "Đơn thuốc gây nghiện", EN: "Narcotic"}},
		{Code: "h", Text: fault.Text{VI: "Đơn thuốc hướng thần", EN: "Psychotropic"}},
		{Code: "y", Text: fault.Text{VI: "Đơn thuốc y học cổ truyền", EN: "Traditional medicine"}},
	}
	sex := field("GIOI_TINH", schema.Code, schema.Required, "Giới tính", "Sex")
	sex.Values = []schema.Value{ // not the numbers of QĐ 4750
		{Code: "1", Text: fault.Text{VI: "Chưa xác định", EN: "Undetermined"}},
		{Code: "2", Text: fault.Text{VI: "Nam", EN: "Male"}},
		{Code: "3", Text: fault.Text{VI: "Nữ", EN: "Female"}},
	}
	return []schema.Field{
		kinds,
		field("MA_DON_THUOC", schema.Code, schema.Required, "Mã đơn thuốc", "Prescription code"),
		field("MA_DON_THUOC_THAY_THE", schema.Code, schema.Optional, "Thay thế đơn có mã", "Replaces the prescription"),
		field("MA_CSKCB", schema.Code, schema.Optional, "Mã cơ sở trong mã đơn", "Facility in the code"),
		field("MA_LK", schema.Code, schema.Optional, "Mã liên kết đợt khám", "Episode key"),
		field("MA_BN", schema.Code, schema.Optional, "Mã người bệnh", "Patient number"),
		field("HO_TEN_BENH_NHAN", schema.Text, schema.Required, "Họ và tên người bệnh", "Patient's name"),
		field("MA_DINH_DANH_Y_TE", schema.Code, schema.Optional, "Mã định danh y tế", "Health identifier"),
		field("MA_DINH_DANH_CONG_DAN", schema.Code, schema.Conditional, "Số định danh cá nhân", "Citizen number"),
		field("NGAY_SINH_BENH_NHAN", schema.Moment, schema.Required, "Ngày sinh", "Date of birth"),
		sex,
		field("CAN_NANG", schema.Text, schema.Conditional, "Cân nặng (kg)", "Weight (kg)"),
		field("MA_SO_THE_BAO_HIEM_Y_TE", schema.Code, schema.Optional, "Mã thẻ bảo hiểm y tế", "Insurance card"),
		field("THONG_TIN_NGUOI_GIAM_HO", schema.Text, schema.Conditional, "Người giám hộ", "Guardian"),
		field("DIA_CHI", schema.Text, schema.Optional, "Địa chỉ", "Address"),
		field("SO_DIEN_THOAI_NGUOI_KHAM_BENH", schema.Code, schema.Optional, "Số điện thoại người bệnh", "Patient's phone"),
		field("HINH_THUC_DIEU_TRI", schema.Code, schema.Optional, "Hình thức điều trị", "Form of treatment"),
		field("DOT_DUNG_THUOC_DOT", schema.Text, schema.Optional, "Đợt dùng thuốc", "Course"),
		field("DOT_DUNG_THUOC_TU_NGAY", schema.Moment, schema.Optional, "Dùng thuốc từ ngày", "Course from"),
		field("DOT_DUNG_THUOC_DEN_NGAY", schema.Moment, schema.Optional, "Dùng thuốc đến ngày", "Course until"),
		field("DOT_DUNG_THUOC_SO_THANG_THUOC", schema.Text, schema.Optional, "Số thang thuốc", "Decoctions"),
		field("LUU_Y", schema.Text, schema.Optional, "Lưu ý", "Take note"),
		field("LOI_DAN", schema.Text, schema.Optional, "Lời dặn", "Advice"),
		field("NGAY_TAI_KHAM", schema.Text, schema.Optional, "Tái khám sau (ngày)", "Come again after (days)"),
		field("NGAY_GIO_KE_DON", schema.Moment, schema.Required, "Ngày giờ kê đơn", "Prescribed at"),
		field("TEN_BAC_SI", schema.Text, schema.Optional, "Bác sĩ kê đơn", "Prescriber"),
		field("MA_BAC_SI", schema.Code, schema.Optional, "Mã bác sĩ", "Prescriber's number"),
		field("SIGNATURE", schema.Text, schema.Optional, "Chữ ký số trong đơn", "Signature inside"),
	}
}

func diagnosisFields() []schema.Field {
	return []schema.Field{
		field("MA_CHAN_DOAN", schema.Code, schema.Required, "Mã chẩn đoán", "Diagnosis code"),
		field("TEN_CHAN_DOAN", schema.Text, schema.Optional, "Tên chẩn đoán", "Diagnosis"),
		field("KET_LUAN", schema.Text, schema.Optional, "Kết luận", "Conclusion"),
	}
}

func drugFields() []schema.Field {
	return []schema.Field{
		field("TEN_THUOC", schema.Text, schema.Required, "Tên thuốc", "Drug"),
		field("BIET_DUOC", schema.Text, schema.Optional, "Biệt dược", "Brand"),
		field("MA_THUOC", schema.Code, schema.Required, "Mã thuốc", "Drug code"),
		field("SO_DANG_KY", schema.Code, schema.Optional, "Số đăng ký", "Registration number"),
		field("SO_LUONG", schema.Number, schema.Required, "Số lượng", "Quantity"),
		field("DON_VI_TINH", schema.Text, schema.Required, "Đơn vị tính", "Unit"),
		field("CACH_DUNG", schema.Text, schema.Required, "Cách dùng", "How to take"),
		field("SO_LUONG_BAN", schema.Number, schema.Optional, "Số lượng đã bán", "Quantity dispensed"),
		field("NGAY_BAN", schema.Moment, schema.Optional, "Ngày bán", "Dispensed at"),
		field("MA_CO_SO_BAN", schema.Code, schema.Optional, "Mã cơ sở bán thuốc", "Pharmacy"),
	}
}
