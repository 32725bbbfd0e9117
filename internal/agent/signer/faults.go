package signer

import "lienthong/internal/fault"

var (
	// ErrNone (signer.none): no signer is set up, so nothing can be sealed here.
	ErrNone = fault.New(fault.Absent, "signer.none",
		"Trạm gửi chưa có chứng thư số để ký. Khai báo mục signer trong agent.json, hoặc để phần mềm HIS ký trước.",
		"The agent has no key to sign with. Fill in signer in agent.json, or let the HIS sign beforehand.")
	// ErrWaiting (signer.waiting_for_pin): it can seal once somebody gives the PIN.
	ErrWaiting = fault.New(fault.Busy, "signer.waiting_for_pin",
		"Đang chờ mã PIN để ký. Chạy lienthong agent pin trên máy này; hồ sơ chờ ký vẫn được giữ.",
		"Waiting for the PIN to sign with. Run lienthong agent pin on this machine; files to be signed are kept.")
	// ErrPINWrong (signer.pin_wrong): this PIN or password opens nothing.
	ErrPINWrong = fault.New(fault.Unauthenticated, "signer.pin_wrong",
		"Mã PIN hoặc mật khẩu không đúng. Kiểm tra lại trước khi nhập: nhập sai nhiều lần sẽ khóa thiết bị.",
		"The PIN or password is wrong. Check before typing again: several wrong ones lock the device.")
	// ErrPINLocked (signer.pin_locked): too many wrong ones; nothing is tried any more.
	ErrPINLocked = fault.New(fault.Withheld, "signer.pin_locked",
		"Đã nhập sai mã PIN quá số lần cho phép nên trạm gửi không thử nữa. Kiểm tra bằng công cụ của nhà cung cấp, rồi chạy lienthong agent pin --unlock.",
		"Too many wrong PINs, so the agent tries no more. Check with the maker's own tool, then run lienthong agent pin --unlock.")
	// ErrPINLast (signer.pin_last_try): the device says that one more wrong PIN locks it.
	ErrPINLast = fault.New(fault.Withheld, "signer.pin_last_try",
		"Thiết bị ký chỉ còn một lần thử mã PIN, trạm gửi không dùng lần đó. Nhập đúng mã một lần bằng công cụ của nhà cung cấp rồi thử lại.",
		"The device has one try left and the agent does not spend it. Log in once with the maker's own tool, then try again.")
	// ErrPINUnneeded (signer.pin_unneeded): the signer is ready without.
	ErrPINUnneeded = fault.New(fault.Conflict, "signer.pin_unneeded",
		"Thiết bị hoặc tệp ký đã mở, không cần mã PIN.", "The key is open already; no PIN is needed.")
	// ErrUnavailable (signer.unavailable): device, file or service is not there or does not work.
	ErrUnavailable = fault.New(fault.Busy, "signer.unavailable",
		"Không dùng được thiết bị, tệp khóa hoặc dịch vụ ký số lúc này. Kiểm tra đã cắm thiết bị, đường dẫn tệp, kết nối mạng.",
		"The signing device, key file or service cannot be used now. Check that the device is plugged in, the file's path, the network.")
	// ErrKey (signer.key): it opened, and holds nothing to seal with.
	ErrKey = fault.New(fault.Invalid, "signer.key",
		"Khóa hoặc chứng thư số không dùng để ký hồ sơ được: hỏng, không khớp nhau, hoặc không phải RSA từ 2048 bit hay ECDSA P-256.",
		"The key or certificate cannot seal files: damaged, not a pair, or neither RSA of at least 2048 bits nor ECDSA P-256.")
	// ErrExpired (signer.expired): not yet valid, or expired beyond what the hub takes.
	ErrExpired = fault.New(fault.Invalid, "signer.expired",
		"Chứng thư số chưa có hiệu lực hoặc đã hết hạn. Gia hạn với nhà cung cấp rồi khai báo lại; kiểm tra đồng hồ máy.",
		"The certificate is not yet valid or has expired. Renew it and set it up again; check this machine's clock.")
	// ErrExpiring (signer.expiring): a notice, not a refusal.
	ErrExpiring = fault.New(fault.Invalid, "signer.expiring",
		"Chứng thư số hết hạn trong vòng 30 ngày hoặc vừa hết hạn. Gia hạn với nhà cung cấp.",
		"The certificate ends within 30 days or has just ended. Renew it with its issuer.")
	// ErrSignature (signer.wrong_signature): what came back does not verify.
	ErrSignature = fault.New(fault.Broken, "signer.wrong_signature",
		"Thiết bị hoặc dịch vụ ký trả về chữ ký không khớp chứng thư số, nên không gửi. Báo nhà cung cấp.",
		"The device or service gave a signature that does not match its certificate, so it is not sent. Tell its maker.")
	// ErrPersonFirst (signer.person_first): a person signs this kind before the facility.
	ErrPersonFirst = fault.New(fault.Invalid, "signer.person_first",
		"Loại tệp này cần người kết luận ký trước, rồi cơ sở mới ký. Ký bằng phần mềm HIS rồi gửi lại.",
		"A person signs this kind of file before the facility does. Have the person sign it in the HIS, then send again.")
)
