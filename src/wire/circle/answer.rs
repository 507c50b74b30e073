//! Answers: the data, or what a refusal proves. The HTTP status speaks first, Circle's code second.

use super::text::Field;
use crate::types::Untrusted;
use serde::Deserialize;

/// Circle's own error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleError {
    /// Its code.
    pub code: i64,
    /// Its words, for people only.
    pub words: Untrusted,
    /// The field that it is about, where it says so.
    pub field: Option<Untrusted>,
}

/// The ciphertext was used before: Wallets, and contracts.
const CIPHERTEXT_USED: [i64; 2] = [156_004, 177_602];
/// The idempotency key belongs to another request: Mint, and two families of contracts.
const KEY_USED: [i64; 4] = [409, 1_083, 175_403, 177_607];

impl CircleError {
    /// Whether another encryption of the entity secret helps.
    #[must_use]
    pub fn wants_fresh_ciphertext(&self) -> bool {
        CIPHERTEXT_USED.contains(&self.code)
    }

    /// Whether our idempotency key was used for something else.
    #[must_use]
    pub fn says_key_used(&self) -> bool {
        KEY_USED.contains(&self.code)
    }

    /// Reads the body of an error; `None` where it is not one of Circle's.
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Detail {
            #[serde(default)]
            location: Field,
        }
        #[derive(Deserialize)]
        struct Body<'a> {
            code: i64,
            message: Field,
            // Whatever is in it, it is only for people: an odd one must not hide the error.
            #[serde(borrow, default)]
            errors: Option<&'a serde_json::value::RawValue>,
        }
        let body: Body<'_> = serde_json::from_str(body).ok()?;
        let details: Vec<Detail> =
            body.errors.and_then(|errors| serde_json::from_str(errors.get()).ok()).unwrap_or_default();
        Some(Self {
            code: body.code,
            words: body.message.words().unwrap_or_default(),
            field: details.first().and_then(|detail| detail.location.words()),
        })
    }

    /// As Circle writes it.
    #[must_use]
    pub fn write(&self) -> String {
        let words = self.words.as_str();
        match &self.field {
            None => serde_json::json!({"code": self.code, "message": words}).to_string(),
            Some(field) => {
                let detail =
                    serde_json::json!({"error": "invalid_value", "message": words, "location": field.as_str()});
                serde_json::json!({"code": self.code, "message": words, "errors": [detail]}).to_string()
            }
        }
    }
}

/// Why there is no data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Circle's own error, with a status of 400 or above.
    #[error("HTTP {status}, Circle's code {}: {}", error.code, error.words)]
    Said {
        /// The status.
        status: u16,
        /// What Circle says.
        error: CircleError,
    },
    /// Neither a success that can be read nor an error as Circle writes them: it proves nothing.
    #[error("HTTP {status}, and the body is not Circle's: {reason}")]
    Unreadable {
        /// The status.
        status: u16,
        /// What the reader stumbled over.
        reason: Untrusted,
    },
}

/// A success whose body is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread(pub Untrusted);

impl Unread {
    pub(super) fn new(reason: &str) -> Self {
        Self(Untrusted::new(reason))
    }
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        // serde's words name fields and places; a text of the body it quotes is cut and cleaned.
        Self::new(&error.to_string())
    }
}

/// Opens `{"data": …}` of a 200 or 201 with `read`; everything else is a refusal.
///
/// # Errors
/// [`Refusal`]. A success without the data that was asked for is `Unreadable`, never an empty answer.
pub fn open<'a, T>(status: u16, body: &'a str, read: impl FnOnce(&'a str) -> Result<T, Unread>) -> Result<T, Refusal> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: &'a serde_json::value::RawValue,
    }
    if !matches!(status, 200 | 201) {
        return Err(match CircleError::read(body) {
            Some(error) if status >= 400 => Refusal::Said { status, error },
            Some(_) => Refusal::Unreadable { status, reason: Untrusted::new("an error with a status that is none") },
            None => Refusal::Unreadable { status, reason: Untrusted::new("no JSON with code and message") },
        });
    }
    let unreadable = |Unread(reason)| Refusal::Unreadable { status, reason };
    let envelope: Envelope<'a> = serde_json::from_str(body).map_err(|error| unreadable(error.into()))?;
    read(envelope.data.get()).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_comes_first_and_only_circles_own_error_is_one() {
        let check = |status: u16, body: &str, expected: &str| {
            let got = match open(status, body, |data| Ok(data.to_owned())) {
                Ok(data) => data,
                Err(Refusal::Said { status, error }) => format!("{status} {}", error.code),
                Err(Refusal::Unreadable { status, .. }) => format!("{status} unreadable"),
            };
            assert_eq!(got, expected, "{status} {body}");
        };
        check(200, r#"{"data":{"id":"x"}}"#, r#"{"id":"x"}"#);
        check(201, r#"{"data":[]}"#, "[]");
        // An error's body with a success's status is no success, and a success's body with an error's status no error.
        check(200, r#"{"code":2,"message":"API parameter invalid"}"#, "200 unreadable");
        check(500, r#"{"data":{"id":"x"}}"#, "500 unreadable");
        check(202, r#"{"data":{"id":"x"}}"#, "202 unreadable");
        check(302, r#"{"code":1,"message":"x"}"#, "302 unreadable");
        check(400, r#"{"code":2,"message":"API parameter invalid"}"#, "400 2");
        check(409, r#"{"code":1083,"message":"Idempotency key already bound"}"#, "409 1083");
        check(503, r#"{"code":-1,"message":"Something went wrong"}"#, "503 -1");
        check(400, r#"{"code":"2","message":"x"}"#, "400 unreadable");
        check(400, r#"{"message":"x"}"#, "400 unreadable");
        check(400, r#"{"code":2,"mess"#, "400 unreadable");
        check(400, "<html>Bad Request</html>", "400 unreadable");
        check(504, "", "504 unreadable");
        check(200, "", "200 unreadable");
        check(201, r#"{"data":{"id":"x"}"#, "201 unreadable");
    }

    #[test]
    fn errors_with_details_are_read_whatever_the_details_are() {
        let with = |errors: &str| CircleError::read(&format!(r#"{{"code":2,"message":"Invalid.","errors":{errors}}}"#));
        let field = |errors: &str| with(errors).expect("it is an error").field.map(|field| field.to_string());
        assert_eq!(field(r#"[{"error":"min_value","location":"amount","invalidValue":"0"}]"#), Some("amount".into()));
        for errors in ["[]", "null", "{}", "7", r#"[{"location":null}]"#, r#"[{"location":7}]"#, "[null]"] {
            assert_eq!(field(errors), None, "{errors}");
        }
        let error = with(r#"[{"location":"amount"}]"#).expect("it is an error");
        assert_eq!(CircleError::read(&error.write()), Some(error));
    }

    #[test]
    fn codes_that_need_another_answer_are_known_in_every_family() {
        let error = |code| CircleError { code, words: Untrusted::new("x"), field: None };
        for code in [156_004, 177_602] {
            assert!(error(code).wants_fresh_ciphertext() && !error(code).says_key_used());
        }
        for code in [409, 1_083, 175_403, 177_607] {
            assert!(error(code).says_key_used() && !error(code).wants_fresh_ciphertext());
        }
        assert!(!error(2).wants_fresh_ciphertext() && !error(2).says_key_used());
    }
}
