//! Where a list goes on: the `Link` header's `next`, reduced to the id behind which it goes on.
//!
//! Only that id is taken from it. The address is always our own: a link that led elsewhere would carry the key with it.

use super::text::is_id;
use crate::types::Name;
use url::Url;

/// What a page says of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// There is none.
    Last,
    /// It goes on behind this id.
    After(Name),
    /// It says that there is one, and not in a way that we understand: whoever stopped here would miss rows.
    Astray,
    /// It says nothing at all.
    Silent,
}

/// Reads a `Link` header.
#[must_use]
pub fn next_page(header: Option<&str>) -> Next {
    let Some(header) = header else { return Next::Silent };
    let mut any = false;
    for link in header.split(',') {
        let Some((url, parameters)) = link.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            continue;
        };
        any = true;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
            name.trim() == "rel" && value.trim().trim_matches('"') == "next"
        });
        if !is_next {
            continue;
        }
        // A relative one is read too.
        let url =
            Url::parse(url).or_else(|_| Url::options().base_url(Url::parse("https://x/").ok().as_ref()).parse(url));
        let after = url.ok().and_then(|url| {
            let mut found =
                url.query_pairs().filter(|(name, _)| name == "pageAfter").map(|(_, value)| value.into_owned());
            let first = found.next()?;
            (found.next().is_none() && is_id(&first)).then_some(first)
        });
        return after.map_or(Next::Astray, |after| Next::After(after.into()));
    }
    if any { Next::Last } else { Next::Silent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_only_where_it_says_so() {
        let check = |header: &str, expected: Next| assert_eq!(next_page(Some(header)), expected, "{header}");
        let id = "32d1b923-c30d-58de-a42e-157bf7148b85";
        check(
            &format!(r#"<https://api.circle.com/v1/w3s/wallets?pageAfter={id}&pageSize=2>; rel="next""#),
            Next::After(id.into()),
        );
        check(
            &format!(
                r#"<https://a/b?x=1>; rel="self", <https://a/b>; rel="first", <https://elsewhere.example/?pageAfter={id}>; rel=next"#
            ),
            Next::After(id.into()),
        );
        check(&format!(r#"</v1/w3s/transactions?pageAfter={id}>; rel="next""#), Next::After(id.into()));
        // As Mint writes it: its last page.
        check(
            r#"<https://api-sandbox.circle.com/v1/x?pageSize=50&to=2024-01-16T22%3A39%3A51.894479478Z>; rel="self""#,
            Next::Last,
        );
        check(r#"<https://a/b?page=2>; rel="next""#, Next::Astray);
        check(r#"<https://a/b?pageAfter=../x>; rel="next""#, Next::Astray);
        check(r#"<https://a/b?pageAfter=a&pageAfter=b>; rel="next""#, Next::Astray);
        check("", Next::Silent);
        check("nonsense", Next::Silent);
        assert_eq!(next_page(None), Next::Silent);
    }
}
