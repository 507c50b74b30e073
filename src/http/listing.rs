//! A page of a list as who asked for it reads it: its items as they came, to be printed again byte for byte.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A page of a list, or several of them together.
#[derive(Debug, Default, Deserialize)]
pub struct Listing {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

impl Listing {
    /// Reads a page.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    /// With the page that follows.
    pub fn extend(&mut self, page: Self) {
        self.items.extend(page.items);
        self.next = page.next;
    }

    /// Its rows, as they came.
    #[must_use = "it changes nothing"]
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.items.iter().map(|item| item.get())
    }

    /// How many rows it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What to ask for as `before` to get what follows; `None` at the end.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// As the API would have written it.
    #[must_use]
    pub fn json(&self) -> String {
        let items: Vec<&str> = self.items.iter().map(|item| item.get()).collect();
        let next = self.next.as_ref().map_or(Value::Null, |next| Value::from(next.as_str()));
        format!(r#"{{"items":[{}],"next":{next}}}"#, items.join(","))
    }

    /// The rows, to look into.
    ///
    /// # Errors
    /// When one is beyond what a value can hold.
    pub fn values(&self) -> serde_json::Result<Vec<Value>> {
        self.items.iter().map(|item| serde_json::from_str(item.get())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_printed_as_they_came() {
        let body = r#"{"items":[{"b":1,"a":"x"},{"b":2.50}],"next":"5-a"}"#;
        let mut listing = Listing::read(body.as_bytes()).unwrap();
        assert_eq!((listing.json().as_str(), listing.len(), listing.next()), (body, 2, Some("5-a")));
        listing.extend(Listing::read(br#"{"items":[{"c":[]}],"next":null}"#).unwrap());
        assert_eq!(listing.json(), r#"{"items":[{"b":1,"a":"x"},{"b":2.50},{"c":[]}],"next":null}"#);
        assert_eq!(listing.values().unwrap()[0]["a"], "x");
    }
}
