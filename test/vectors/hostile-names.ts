/**
 * 520 hostile names: terminal escapes (CWE-150, the sequences of CVE-2009-4487 and of ECMA-48), markup (the shapes of the OWASP
 * XSS filter evasion page), bidirectional and invisible characters (Trojan Source, CVE-2021-42574), stacked marks, template and
 * spreadsheet injections, log forging, oversize and broken UTF-16. Made by crossing payloads with the ways of wrapping them.
 */
const ESCAPES = [
  '\u001b[2J', '\u001b[31m', '\u001b]0;owned\u0007', '\u001b]52;c;cm0gLXJm\u0007', '\u001bP+q544e\u001b\\', '\u009b31m', '\u009d0;t\u009c',
  '\u001bc', '\u001b[?1049h', '\u001b[6n', '\u001b]8;;http://e.invalid\u0007x\u001b]8;;\u0007', '\u0008\u0008\u0008', '\u007f', '\u0000', '\u000e', '\r\n',
];
const MARKUP = [
  '<script>window.pwned=1</script>', '<img src=x onerror=window.pwned=1>', '<svg/onload=window.pwned=1>', '"><script>window.pwned=1</script>',
  "'-window.pwned=1-'", 'javascript:window.pwned=1', '<iframe srcdoc="<script>parent.pwned=1</script>">', '<a href="javascript:pwned=1">x</a>',
  '</title><script>pwned=1</script>', '<!--<script>pwned=1//-->', '<style>@import "http://e.invalid"</style>', '<math><mi xlink:href="javascript:pwned=1">',
  '{{constructor.constructor("window.pwned=1")()}}', '${window.pwned=1}', '<%= pwned=1 %>', '__proto__', 'constructor', 'toString',
  '=cmd|"/C calc"!A0', '@everyone', '<@&123456>', '[x](http://e.invalid)', '*_~`|>', '%0d%0aSet-Cookie:x=1', '\\u003cscript\\u003e', '"},{"ev":"ready"',
];
const INVISIBLE = [
  '\u202e', '\u202d', '\u2066', '\u2067', '\u2069', '\u200b', '\u200d', '\u200f', '\u061c', '\ufeff', '\u00ad', '\u034f', '\u115f', '\u3164', '\u2800',
  '\u{e0001}', '\u{e0061}', '\u{f0000}', '\ue000', '\uffff', '\ud800', '\udc00', '\u2028', '\u2029', '\u0085', '\u180e', '\ufff9', '\u{1d173}', '\u0378',
];
const WRAPS: readonly ((payload: string) => string)[] = [
  (payload) => payload,
  (payload) => `Ana${payload}world`,
  (payload) => payload.repeat(40),
  (payload) => `${'a'.repeat(60)}${payload}`,
  (payload) => `${payload}\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308`,
  (payload) => `\u202e${payload}\u001b[0m`,
  (payload) => `${payload}\n[ERROR] forged line`,
];

export const HOSTILE_NAMES: readonly string[] = [
  ...[...ESCAPES, ...MARKUP, ...INVISIBLE].flatMap((payload) => WRAPS.map((wrap) => wrap(payload))),
  ...Array.from({ length: 20 }, (_, i) => `${String.fromCodePoint(0x0300 + i).repeat(500)}z${'\u0489'.repeat(50 + i)}`),
  '\u0000'.repeat(1000), 'x'.repeat(100_000), '\u{1f600}'.repeat(10_000), '',
];
