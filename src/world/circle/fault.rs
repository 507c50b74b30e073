//! What can be wrong with the simulated Circle, on demand.

use std::collections::VecDeque;
use std::time::Duration;

/// How one request is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As usual.
    Usual,
    /// Done, and the connection is closed without an answer.
    DoneThenClosed,
    /// Done, and nothing is ever answered.
    DoneThenSilent,
    /// Done, and answered with this status and a body that is not Circle's.
    DoneThenStatus(u16),
    /// Done, and answered so much later.
    DoneThenLate(Duration),
    /// Done, and half of the answer comes.
    DoneThenCut,
    /// Not done, and closed without an answer.
    Closed,
    /// Not done, and answered with this status and Circle's own error with this code.
    Refused(u16, i64),
    /// Not done, and answered with a web page of this status.
    WebPage(u16),
}

/// What is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// The next requests that could move money are treated so, one each.
    pub posts: VecDeque<Manner>,
    /// All of them, behind those.
    pub every_post: Option<Manner>,
    /// The next reads are treated so, one each.
    pub reads: VecDeque<Manner>,
    /// All of them, behind those.
    pub every_read: Option<Manner>,
    /// A transaction is in no list before it is so old; a GET of its id shows it at once.
    pub list_lag: Duration,
    /// Lists and single transactions show `refId` as "".
    pub empty_references: bool,
    /// A repeated key is answered with 201, as if it were new, and with the same transaction.
    pub repeats_as_new: bool,
    /// Every page lacks its `Link` header.
    pub no_links: bool,
    /// Its clock is so many milliseconds ahead in the `Date` header.
    pub date_ahead_ms: i64,
    /// It shows a page at most this long, whatever is asked for.
    pub shorter_pages: Option<usize>,
}

impl Trouble {
    /// How the next request is treated.
    pub(super) fn manner(&mut self, posts: bool) -> Manner {
        let (queue, every) =
            if posts { (&mut self.posts, self.every_post) } else { (&mut self.reads, self.every_read) };
        queue.pop_front().or(every).unwrap_or(Manner::Usual)
    }
}
