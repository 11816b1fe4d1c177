//! Lists in one text: parts between commas, where double quotes protect commas.

/// Splits at the commas that stand outside double quotes, and takes the quotes away.
///
/// A text with an odd number of quotes has none that protect: `5" UTR,b` is two parts.
pub fn split(text: &str) -> Vec<String> {
    let protecting = text.matches('"').count().is_multiple_of(2);
    let mut parts = vec![String::new()];
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '"' if protecting => inside = !inside,
            ',' if !inside => parts.push(String::new()),
            _ => {
                if let Some(part) = parts.last_mut() {
                    part.push(letter);
                }
            }
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn quotes_protect_commas() {
        let cases: [(&str, &[&str]); 8] = [
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a, b c ,d", &["a", "b c", "d"]),
            ("\"T, alpha>B\"", &["T, alpha>B"]),
            ("\"T, alpha\">B,C>\"D, E\"", &["T, alpha>B", "C>D, E"]),
            ("5\" UTR,b", &["5\" UTR", "b"]),
            ("a,,b", &["a", "", "b"]),
            ("", &[""]),
        ];
        for (text, parts) in cases {
            assert_eq!(split(text), parts, "{text}");
        }
    }
}
