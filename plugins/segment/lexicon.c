/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the lexicon from the data in the plugin, the word classes below and a user's list. */
#include "lexicon.h"

#include <assert.h>

#include "dict_build.h"
#include "vi_text.h"

typedef struct word_class {
  unsigned flag;
  const char *words; /* parted by spaces */
} word_class;

static const word_class classes[] = {
    {SEG_C_STARTER,
     "theo tại trong khi sau trước từ với để do vì nếu các những nhiều một mỗi mọi đây đó này kia còn nhưng và ở về "
     "đến như qua "
     "nhờ dù tuy sáng chiều tối ngày tháng hôm hiện cùng đối riêng chỉ đã đang sẽ được bị là có không chúng tôi nó họ "
     "mình "
     "cũng thì mà nên hay hoặc bởi bằng trên dưới ngoài giữa cạnh gần khoảng hơn hầu đa phần lúc mới vừa rồi thế vậy "
     "nay "
     "ngay cứ cần phải hãy xin bên cạnh đồng ngược trái tiếp dự kiến đặc biệt ngoại trừ kể cho vào ra lên xuống nhằm "
     "thông "
     "việc sự cuộc cái con người ai gì nào sao đâu nhất hàng số điều vấn đề song vẫn đều tuần quý đầu cuối giờ bao cả "
     "đừng "
     "chẳng chưa càng dường hễ hình hoá hóa huống kẻo liệu lại mặc miễn nhân phía suốt tất tuyệt tuỳ tùy ứng xét"},
    {SEG_C_HONOUR, "ông bà anh chị em bé cô chú bác cậu thầy cụ ngài cháu thím dì mợ"},
    {SEG_C_VI,
     "và của là có không được cho các trong với người một những này đã để khi đến năm về từ ra ở cũng sẽ phải tại như "
     "vào theo đó nhiều trên đang còn thì nhưng bị do làm hơn ngày sau mà nên lại rất việc đi nước"},
    {SEG_C_VI_PLAIN,
     "va cua khong duoc cho cac trong voi nguoi mot nhung nay da khi den nam ve tu cung se phai tai nhu vao "
     "theo nhieu tren dang thi bi hon ngay sau nen lai viec nuoc la co"},
    {SEG_C_EN,
     "the of and to in is that for it on with as was are be this by have from at not which were has had will would "
     "their said they but he his an or been its who more we you i she her there about can if when"},
    {SEG_C_SURNAME, "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh trịnh đoàn lương mai "
                    "đào tô lâm trương hà "
                    "cao phùng vương thái tạ chu châu quách lưu la kiều mạc tống tăng diệp thân lục lã doãn nghiêm "
                    "ninh hứa bạch triệu khổng "
                    "giàng sùng lò vi thạch"},
    {SEG_C_SECTION, "điều khoản chương mục phần bài bước câu hình bảng phụ lục tập quyển kỳ"},
};

static int add_class(seg_lexicon *lex, uint64_t key, unsigned flag) {
  for (uint32_t i = 0, slot = seg_dict_slot(key, SEG_CLASS_SLOTS); i < SEG_CLASS_SLOTS; i++) {
    if (lex->keys[slot] == 0 || lex->keys[slot] == key) {
      lex->keys[slot] = key;
      lex->classes[slot] |= (uint8_t)flag;
      return 0;
    }
    slot = (slot + 1) & (SEG_CLASS_SLOTS - 1);
  }
  return -1;
}

static void add_classes(seg_lexicon *lex) {
  for (size_t c = 0; c < sizeof(classes) / sizeof(classes[0]); c++) {
    size_t n = strlen(classes[c].words);
    vi_word w;
    for (size_t i = 0; vi_next_word(classes[c].words, n, &i, &w);) {
      int rc = add_class(lex, w.key, classes[c].flag);
      assert(rc == 0);
      (void)rc;
    }
  }
}

unsigned seg_class(const seg_lexicon *lex, uint64_t key) {
  for (uint32_t slot = seg_dict_slot(key, SEG_CLASS_SLOTS); lex->keys[slot] != 0;
       slot = (slot + 1) & (SEG_CLASS_SLOTS - 1)) {
    if (lex->keys[slot] == key) return lex->classes[slot];
  }
  return 0;
}

/* A dictionary of the model's words and the user's. */
static int with_user_words(seg_lexicon *lex, const char *words, size_t n, size_t *ret_skipped) {
  seg_build b;
  seg_build_init(&b, &lex->mem);
  size_t size = 0;
  int rc = seg_build_dict(&b, &lex->dict);
  b.own = b.listed = true;
  if (rc == 0) rc = seg_build_list(&b, words, n);
  if (rc == 0) rc = seg_build_block(&b, &lex->block, &size);
  *ret_skipped = b.skipped;
  seg_build_done(&b);
  if (rc != 0) return rc;
  return seg_dict_open(&lex->dict, lex->block, size) ? -3 : 0;
}

void seg_lexicon_bare(seg_lexicon *lex, const lane_mem *mem, const seg_dict *dict) {
  memset(lex, 0, sizeof(*lex));
  lex->mem = *mem;
  lex->dict = *dict;
  add_classes(lex);
}

int seg_lexicon_init(seg_lexicon *lex, const lane_mem *mem, const seg_model *model, const char *words, size_t n,
                     size_t *ret_skipped) {
  seg_lexicon_bare(lex, mem, &model->dict);
  lex->model = model;
  *ret_skipped = 0;
  return words ? with_user_words(lex, words, n, ret_skipped) : 0;
}

void seg_lexicon_done(seg_lexicon *lex) {
  if (lex->block) lex->mem.free(lex->block);
  lex->block = NULL;
}
