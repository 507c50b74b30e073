//! The HTML that Telegram takes (core.telegram.org/bots/api#html-style), read strictly: documented tags, closed in order, every other
//! `<`, `>` and `&` escaped.

/// Tags without attributes.
const TAGS: [&str; 15] = [
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "tg-spoiler",
    "code",
    "pre",
    "blockquote",
    "a",
    "span",
];

/// The text as a reader sees it.
pub fn seen(html: &str) -> Result<String, String> {
    let (mut text, mut open, mut rest) = (String::new(), Vec::<String>::new(), html);
    while let Some(at) = rest.find(['<', '>', '&']) {
        text.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        rest = match rest.as_bytes()[at] {
            b'<' => {
                let (tag, behind) = behind.split_once('>').ok_or("a tag has no end")?;
                take(tag, &mut open)?;
                behind
            }
            b'&' => {
                let (name, behind) = behind.split_once(';').ok_or("an entity has no end")?;
                text.push(entity(name).ok_or_else(|| format!("there is no entity {name:?}"))?);
                behind
            }
            _ => return Err("a > is not escaped".into()),
        };
    }
    text.push_str(rest);
    if open.is_empty() { Ok(text) } else { Err(format!("{open:?} are not closed")) }
}

fn take(tag: &str, open: &mut Vec<String>) -> Result<(), String> {
    if let Some(name) = tag.strip_prefix('/') {
        let last = open.pop();
        return if last.as_deref() == Some(name) { Ok(()) } else { Err(format!("</{name}> closes {last:?}")) };
    }
    let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    let fine = match name {
        "a" => {
            let href = attributes.strip_prefix("href=\"").and_then(|rest| rest.strip_suffix('"'));
            href.is_some_and(|href| href.starts_with("http") && !href.contains(['"', '<', '>']))
        }
        _ => attributes.is_empty(),
    };
    if !TAGS.contains(&name) || !fine {
        return Err(format!("Unsupported start tag {tag:?}"));
    }
    if open.iter().any(|outer| outer == "code" || outer == "pre") {
        return Err(format!("<{name}> inside code"));
    }
    open.push(name.to_owned());
    Ok(())
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        number => number.strip_prefix('#').and_then(|digits| digits.parse().ok()).and_then(char::from_u32),
    }
}
