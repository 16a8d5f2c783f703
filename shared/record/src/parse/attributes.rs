//! Parsed fields that have no column, as the text of a JSON object.

/// Builds the object member by member; no member, no object, no allocation.
#[derive(Debug, Default)]
pub(crate) struct Attributes(String);

impl Attributes {
    /// Adds a text.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_json_string(&mut self.0, value);
    }

    /// Adds a text that is there and not empty.
    pub(crate) fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.text(key, value);
        }
    }

    /// Adds a value that is JSON already (a number as the line wrote it, a nested object).
    pub(crate) fn json(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push_str(value);
    }

    /// The object; `None` when it has no member.
    pub(crate) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_json_string(&mut self.0, key);
        self.0.push(':');
    }
}

/// Appends a string as JSON writes it.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    let is_plain = |b: u8| b >= b' ' && b != b'"' && b != b'\\';
    if text.bytes().all(is_plain) {
        out.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => out.push(c),
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn members_in_order_and_nothing_for_nothing() {
        let mut attributes = Attributes::default();
        attributes.text("a", "1 \"q\"\u{1}");
        attributes.json("n", "12.50");
        attributes.some_text("none", None);
        attributes.some_text("empty", Some(""));
        assert_eq!(attributes.finish().unwrap(), r#"{"a":"1 \"q\"\u0001","n":12.50}"#);
        assert_eq!(Attributes::default().finish(), None);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(key: String, value: String) {
            let mut attributes = Attributes::default();
            attributes.text(&key, &value);
            let read: Value = serde_json::from_str(&attributes.finish().unwrap()).unwrap();
            prop_assert_eq!(read, json!({ key: value }));
        }
    }
}
