/* SPDX-License-Identifier: Apache-2.0 */
/* Phrases of news sites: see lexicon.h. */
#include "lexicon.h"

#define PHRASE_WORDS 6
#define BUCKETS 512u

#define R CLEAN_L_RELATED
#define K CLEAN_L_LINK
#define S CLEAN_L_SITE
#define SS CLEAN_L_SITE_START
#define C CLEAN_L_CREDIT
#define P CLEAN_L_PHOTO
#define V CLEAN_L_VIEW
#define A CLEAN_L_AGENT
#define N CLEAN_L_SCENE
#define W CLEAN_L_PLACE
#define Q CLEAN_L_REPORT
#define T CLEAN_L_STORY
#define J CLEAN_L_CONNECT
#define D CLEAN_L_TIME
#define G CLEAN_L_AGENCY
#define O CLEAN_L_NEUTRAL

/* Phrases with the same meaning, separated by '|'. */
static const struct {
  uint32_t tags;
  const char *phrases;
} groups[] = {
    {R, "tin cùng chuyên mục|cùng chuyên mục|tin liên quan|các tin liên quan|bài liên quan|tin bài liên quan|bài viết "
        "liên quan|các bài viết liên quan|tin khác|các tin khác|tin tức khác|bài viết khác|tin mới hơn|tin cũ hơn|tin "
        "mới nhất|tin mới|tin đã đưa|tin cùng chủ đề|cùng chủ đề|bài cùng chủ đề|tin nổi bật|tin đọc nhiều|đọc "
        "nhiều|đọc nhiều nhất|xem nhiều|xem nhiều nhất|có thể bạn quan tâm|bạn có thể quan tâm|có thể bạn thích|tin "
        "tài trợ|bài đọc nhiều|tin tiếp theo|tin xem nhiều|sự kiện liên quan|tin cùng mục|chủ đề liên quan|bài cùng "
        "chuyên mục|tin bài khác|đừng bỏ lỡ|nên đọc|tin hot|gợi ý cho bạn"},
    {R | K, "xem thêm|đọc thêm|đọc tiếp|xem tiếp|tham khảo thêm|xem thêm về|mời độc giả xem thêm|mời bạn đọc thêm|mời "
            "độc giả đọc thêm|mời quý độc giả đọc thêm"},
    {K, "mời độc giả xem|mời độc giả theo dõi video|mời quý vị theo dõi|mời quý độc giả xem|mời khán giả|xem video|mời "
        "bạn xem|mời quý vị xem|mời xem|xem chi tiết|bấm vào đây|tin bài|click để xem|nhấn vào đây"},
    {S, "chia sẻ|chia sẻ bài viết|chia sẻ facebook|chia sẻ bài viết này|bình luận|ý kiến|ý kiến bạn đọc|gửi bình "
        "luận|gửi ý kiến|viết bình luận|quảng cáo|advertisement|thích|sao chép liên kết|copy link|in bài viết|lưu bài "
        "viết|đăng nhập|trang chủ|về đầu trang|thảo luận|báo lỗi|theo dõi|nghe đọc bài|gửi bài viết|in trang|bình luận "
        "của bạn|google news|đăng ký|twitter|messenger|email|in|gửi|lưu|nghe|theo dõi trên google news|chia sẻ lên "
        "facebook|gửi email|thu gọn|xem tất cả|tải thêm|quan tâm|zalo|facebook|twitter|copy liên kết|nghe bài "
        "viết|phóng to|cỡ chữ"},
    {SS, "mời quý độc giả theo dõi|mời độc giả theo dõi|mời bạn đọc theo dõi|theo dõi chúng tôi|theo dõi báo|trở "
         "lại|trở về|quay lại|từ khóa|từ khoá|tags|tag|chủ đề|bản quyền thuộc|bản quyền ©|ghi rõ nguồn|vui lòng ghi rõ "
         "nguồn|mời độc giả gửi|mọi ý kiến đóng góp|đường dây nóng|tải ứng dụng|đăng ký nhận tin|độc giả có thể|kênh "
         "youtube|mời bạn tải|chuyên mục"},
    {C, "theo|nguồn|nguồn tin|tác giả|bài|bài viết|bài và ảnh|tin và ảnh|tin ảnh|bài ảnh|thực hiện|biên tập|biên "
        "dịch|tổng hợp|nhóm phóng viên|nhóm pv|phóng viên|pv|người viết|thiết kế|trình bày|nội dung|nội dung và ảnh"},
    {P, "ảnh|nguồn ảnh|ảnh minh họa|ảnh minh hoạ|hình minh họa|ảnh tư liệu|ảnh chụp màn hình|ảnh cắt từ clip|ảnh "
        "nguồn|ảnh cắt từ video|ảnh màn hình|hình ảnh minh họa|đồ họa|đồ hoạ|infographic|photo|video|clip|ảnh đồ "
        "họa|ảnh do|ảnh chụp|ảnh internet|ảnh nhân vật cung cấp|ảnh gia đình cung cấp|nguồn|ảnh từ|minh họa|hình ảnh"},
    {V, "quang cảnh|toàn cảnh|một góc|khung cảnh|hiện trường vụ|hiện trường|phối cảnh|hình ảnh|bên trong|cận cảnh|đông "
        "đảo|không khí|khoảnh khắc|chân dung|từ trái qua|từ trái sang|các đại biểu|đại biểu|mô hình"},
    {A,
     "tổng bí thư|chủ tịch nước|thủ tướng|phó thủ tướng|chủ tịch quốc hội|phó chủ tịch quốc hội|bí thư|phó bí thư|chủ "
     "tịch|phó chủ tịch|bộ trưởng|thứ trưởng|giám đốc|phó giám đốc|tổng giám đốc|trưởng ban|phó trưởng ban|cục "
     "trưởng|phó cục trưởng|đại tướng|thượng tướng|trung tướng|thiếu tướng|đại tá|thượng tá|đồng chí|đồng chí lãnh "
     "đạo|lãnh đạo|ban thường vụ|bộ chính trị|thường trực|đoàn công tác|đoàn đại biểu|đoàn viên|đoàn chuyên gia|đoàn "
     "kiểm tra|đoàn|đại diện|ủy viên|hội nghị|lực lượng|lực lượng chức năng|cán bộ|chiến sĩ|cán bộ chiến sĩ|bộ "
     "đội|công an|cảnh sát|bác sĩ|y bác sĩ|nhân viên y tế|điều dưỡng|bệnh nhân|người dân|nhân dân|bà con|nông dân|ngư "
     "dân|công nhân|kỹ sư|học sinh|sinh viên|thí sinh|học viên|giáo viên|thầy cô|cô giáo|phụ huynh|trẻ em|các em|thanh "
     "niên|tình nguyện viên|phụ nữ|nghệ sĩ|nghệ nhân|diễn viên|ca sĩ|cầu thủ|vận động viên|huấn luyện viên|các cầu "
     "thủ|người hâm mộ|cổ động viên|đội tuyển|du khách|khách|khách hàng|hành khách|tiểu thương|doanh nghiệp|nhà "
     "báo|các bị cáo|bị cáo|hội đồng xét xử|luật sư|cử tri|đồng bào|già làng|hội viên|cựu chiến binh|ban tổ chức|các "
     "đồng chí|các nhà khoa học|chuyên gia|thành viên|tàu|xe|máy bay|máy xúc|công trình|dự án|phiên họp"},
    {N,
     "phát biểu|phát biểu chỉ đạo|phát biểu khai mạc|phát biểu kết luận|chủ trì|chủ tọa|điều hành|tham dự|tới dự|dự "
     "buổi|dự hội nghị|dự lễ|dự phiên|dự cuộc|dự họp|trao quà|tặng quà|trao tặng|trao bằng khen|trao giấy khen|trao "
     "quyết định|trao thưởng|trao giải|trao đổi bên|trao|tặng hoa|chúc mừng|bắt tay|chụp ảnh|chụp ảnh lưu "
     "niệm|thăm|thăm hỏi|thăm khám|thăm và tặng|dâng hương|dâng hoa|thắp hương|đặt vòng hoa|kiểm tra|thị sát|khảo "
     "sát|giám sát|tham quan|tiếp xúc|tiếp|hội đàm|hội kiến|ký kết|ký|gặp gỡ|gặp mặt|đón|tiễn|cắt băng|bấm nút|động "
     "thổ|khởi công|làm việc với|chỉ đạo|báo cáo|thảo luận|tham luận|biểu quyết|bỏ phiếu|chất vấn|trả lời|giới "
     "thiệu|hướng dẫn|tuyên truyền|hỗ trợ|giúp|giúp đỡ|cứu hộ|cứu nạn|chữa cháy|dập lửa|khắc phục|sơ tán|vận chuyển|di "
     "dời|chằng chống|gia cố|dọn dẹp|thu dọn|tuần tra|xử lý|điều tiết|khám nghiệm|tìm kiếm|lắp ráp|sản xuất|thi "
     "công|vận hành|thu hoạch|chăm sóc|trồng|gieo|cấy|đánh bắt|bốc dỡ|đóng gói|may|học|học tập|thực hành|luyện tập|tập "
     "luyện|làm bài|làm thủ tục|dự thi|ôn tập|tra cứu|biểu diễn|trình diễn|hát|múa|nhảy|rước|thi đấu|ăn mừng|tranh "
     "bóng|cổ vũ|chạy|bơi|đua|xếp hàng|chờ|mua sắm|chọn mua|thưởng thức|check-in|nộp hồ sơ|làm thủ tục hành chính|trải "
     "nghiệm|quan sát|nghe|lắng nghe|xem|theo dõi|trong giờ|trong buổi|trong lễ|trong phiên|đứng bên|bên cạnh|ôm|vẫy"},
    {W, "tại buổi|tại cuộc|tại hội nghị|tại lễ|tại phiên|tại hội trường|tại đại hội|tại diễn đàn|tại hội thảo|tại họp "
        "báo|tại hiện trường|tại điểm|tại xã|tại phường|tại huyện|tại trung tâm|tại khoa|tại "
        "nhà|tại|ở|trong|trên|trước|sau trận|bên hành lang|bên lề|bên|cùng|với|dưới"},
    {Q, "cho biết|cho hay|cho rằng|nói|nói rằng|khẳng định|nhấn mạnh|yêu cầu|đề nghị|nêu rõ|nêu|chia sẻ|bày tỏ|nhận "
        "định|đánh giá|thông tin|tuyên bố|kêu gọi|lưu ý|mong muốn|thừa nhận|kiến nghị|đề xuất|cảnh báo|khuyến cáo|giải "
        "thích|tin tưởng|hy vọng|kỳ vọng|ghi nhận|chỉ rõ|kết luận rằng|quyết định|thông báo|cam kết|hứa|phản ánh|than "
        "thở|thông qua|ban hành|giao|xác định|dự báo|ước tính|công bố|tiết lộ|đồng ý|phê duyệt|nhất trí|thống nhất"},
    {T, "đã|sẽ|phải|cần|vẫn|chưa|không|chẳng|đừng|bị|là|nhưng|vì|nên|do đó|nếu|khi|rằng|mà|có thể|được cho|được xác "
        "định|điều tra|làm rõ|dự kiến|bắt đầu|kết thúc|bế mạc|diễn ra|kéo dài|tăng|giảm|đạt|chiếm|còn|tôi|chúng "
        "tôi|chúng ta|có hiệu lực|trở thành|vừa|từng|mới đây|hiện nay|thành công|hoàn thành|cũng|rất|hơn|đều|tiếp "
        "tục|gồm|tử vong|thiệt hại"},
    {J, "tuy nhiên|đồng thời|bên cạnh đó|ngoài ra|theo đó|theo|trong khi đó|do đó|do vậy|vì vậy|vì thế|đây là|đó "
        "là|sau đó|trước đó|cùng với|về|để|nhằm|riêng|tiếp đó|qua đó|từ đó|như vậy|hiện|hiện nay|đến nay|tại "
        "đây|nhờ|bởi|song|đặc biệt|cụ thể|kết quả|mặt khác|thời gian tới|thời gian qua|vụ việc|nguyên nhân|đối "
        "với|liên quan|ngay sau|cuối cùng|trong đó|dịp này|cùng ngày|cùng dự|trong số"},
    {D, "ngày|sáng|trưa|chiều|tối|đêm|hôm nay|hôm qua|sáng nay|chiều nay|tối nay|sáng ngày|chiều ngày|mới đây|vừa "
        "qua|rạng sáng|trong ngày|thứ hai|thứ ba|thứ tư|thứ năm|thứ sáu|thứ bảy|chủ nhật|trong hai ngày|trong các "
        "ngày|từ ngày"},
    {O, "thiết bị|trang thiết bị|chuẩn bị|trang bị|không khí|không gian|không quân|hàng không|trên không|cần thơ|cần "
        "cẩu|cần trục|giao thông|giao lưu|bàn giao|giao thừa|ngoại giao|giao dịch|công nghệ thông tin|thông tin truyền "
        "thông|thống nhất|bên phải|xe tăng|nhà tôi|giáo dục|đất nước|thanh niên|đánh giá viên|cần câu|là ủi|còn "
        "lại|đồng nai|lễ bế mạc|công bố quyết định|trao quyết định|công bố nghị quyết|lễ giao|lễ giao nhận|trao đổi|lễ "
        "bàn giao|lễ công bố|lễ khai mạc|lễ ký kết|buổi họp báo|nhóm thông tin|vì người nghèo|giao ban|giao hàng|tàu "
        "không số|hải đăng|đường không"},
    {G,
     "tto|kinhtedothi|hnp|đttco|tn mt|vov1|vov5|baonghean|baonghean vn|cadn|bđbp|pnvn|đs pl|gdvn|congthuong "
     "vn|ktsg|ktsg online|baoquocte vn|thoibaonganhang vn|diendandoanhnghiep vn|petrotimes vn|tpo|ndo|vov|vov vn|vov "
     "online|sggpo|sggp|bnews|nlđo|nlđ|plo|đtck|lđo|hnmo|hnm|qđnd|qđnd online|cand|cand online|vtv vn|vtv|vtc "
     "news|vietnamnet|antđ|anninhthudo|gd tđ|kinhtedothi|ktđt|tctc|bvpl|pno|tno|dnvn|đcsvn|đcs|vne|dân trí|chinhphu "
     "vn|baochinhphu vn|vgp|ttxvn|tienphong|vietnam|vnmedia|infonet|zing|znews|kienthuc|báo tin tức|tin tức|baotintuc "
     "vn|dân việt|danviet vn|danviet|công luận|nguoiduatin vn|người đưa tin|baodautu vn|ictnews|vnexpress|soha|vietq "
     "vn|bđt|kttđ|mtđt|nguoitieudung|sk đs|tbktsg|kinh tế sài gòn|thanh niên|tuổi trẻ|tuổi trẻ online|lao động|pháp "
     "luật|petrotimes|xaydungdang|qđnd vn|qpvn|vtvcab|vneconomy|cafef|toquoc|tổ quốc"},
};

struct entry {
  uint64_t keys[PHRASE_WORDS];
  uint32_t n, tags;
  uint32_t next; /* index + 1 of the next with the same bucket */
};

struct clean_lexicon {
  uint32_t buckets[BUCKETS];
  uint32_t n;
  struct entry entries[];
};

static uint32_t bucket_of(uint64_t key) { return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 40) % BUCKETS; }

static void add_phrase(clean_lexicon *lex, const char *s, size_t n, uint32_t tags) {
  struct entry *e = &lex->entries[lex->n];
  vi_word w;
  *e = (struct entry){.tags = tags};
  for (size_t i = 0; e->n < PHRASE_WORDS && vi_next_word(s, n, &i, &w);) e->keys[e->n++] = w.key;
  uint32_t *slot = &lex->buckets[bucket_of(e->keys[0])];
  e->next = *slot;
  *slot = ++lex->n;
}

clean_lexicon *clean_lexicon_new(const clean_mem *mem) {
  size_t count = 0;
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    count++;
    for (const char *p = groups[g].phrases; *p; p++) count += *p == '|';
  }
  clean_lexicon *lex = mem->alloc(sizeof *lex + count * sizeof(struct entry));
  if (!lex) return NULL;
  memset(lex, 0, sizeof *lex);
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    for (const char *p = groups[g].phrases;;) {
      size_t n = strcspn(p, "|");
      add_phrase(lex, p, n, groups[g].tags);
      if (!p[n]) break;
      p += n + 1;
    }
  }
  return lex;
}

void clean_lexicon_free(clean_lexicon *lex, const clean_mem *mem) { mem->free(lex); }

void clean_cut_words(const char *s, size_t n, clean_line_words *ret) { clean_cut_words_from(s, n, 0, ret); }

void clean_cut_words_from(const char *s, size_t n, size_t from, clean_line_words *ret) {
  size_t i = from;
  ret->n = 0;
  while (ret->n < CLEAN_WORDS_MAX && vi_next_word(s, n, &i, &ret->w[ret->n])) ret->n++;
  vi_word extra;
  ret->more = ret->n == CLEAN_WORDS_MAX && vi_next_word(s, n, &i, &extra);
}

int clean_starts(const clean_lexicon *lex, uint64_t key, uint32_t tags) {
  for (uint32_t e = lex->buckets[bucket_of(key)]; e; e = lex->entries[e - 1].next) {
    if ((lex->entries[e - 1].tags & tags) && lex->entries[e - 1].keys[0] == key) return 1;
  }
  return 0;
}

size_t clean_match(const clean_lexicon *lex, const clean_line_words *l, size_t i, uint32_t tags, uint32_t *ret_tags) {
  size_t best = 0;
  uint32_t found = 0;
  if (i >= l->n) return 0;
  for (uint32_t e = lex->buckets[bucket_of(l->w[i].key)]; e; e = lex->entries[e - 1].next) {
    const struct entry *p = &lex->entries[e - 1];
    if (!(p->tags & tags) || i + p->n > l->n || p->n < best) continue;
    size_t k = 0;
    while (k < p->n && p->keys[k] == l->w[i + k].key) k++;
    if (k < p->n) continue;
    found = p->n > best ? p->tags : found | p->tags;
    best = p->n;
  }
  if (ret_tags) *ret_tags = found;
  return best;
}
