//! Names that a user chose, as they go into a page of Markdown.

/// Returns `text` so that Markdown and HTML show it as it is, on one line of a table: a data set may be called
/// `<script>` or `a|b`. Control characters become blanks.
///
/// ```
/// assert_eq!(mfdoom_artifact::markdown::plain("a|b <i>"), r"a\|b &lt;i&gt;");
/// ```
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$' => {
                plain.push('\\');
                plain.push(character);
            }
            control if control.is_control() => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}
