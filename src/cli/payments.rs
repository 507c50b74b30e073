//! `walletwatch payments …`: what rules pay, and what people decide about it.
//!
//! Whatever lets money move goes through the running monitor with the token of whoever decides; only `list`, `show`, `verify`, `export`
//! and `freeze` do without one (MONEY.md §8).

mod books;
mod decide;
mod look;

use super::{Failure, Places};
use crate::reactor::money::PaymentState;
use clap::builder::PossibleValuesParser;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Payments {
    /// The payments, newest first, and what stops them
    List(List),
    /// One payment: where it stands, why, its frozen request, and everything that was written of it
    Show {
        /// Its id
        id: String,
        /// As the JSON of the API
        #[arg(long)]
        json: bool,
    },
    /// Let a payment go that waits for a person: this one, as it was shown
    Approve(Approve),
    /// Refuse a payment that waits
    Reject {
        /// Its id
        id: String,
        #[command(flatten)]
        who: Who,
    },
    /// Accept the money part of the config in force; without a fingerprint, show what is otherwise than what was accepted
    Accept(Accept),
    /// Stop every payment, at once and until `unfreeze`
    Freeze {
        /// Why
        reason: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Let payments go on
    Unfreeze {
        #[command(flatten)]
        who: Who,
    },
    /// Ask Circle to stop a payment that it has; only what Circle shows later ends it
    Cancel {
        /// Its id
        id: String,
        #[command(flatten)]
        who: Who,
    },
    /// Say what became of a payment that needs a person
    Resolve(Resolve),
    /// Let a rule, a payee or the clock go on that was stopped
    Resume(Resume),
    /// Show on this account that references come back and that keys hold: moves a millionth of a USDC to the wallet itself
    Probe {
        #[command(flatten)]
        who: Who,
    },
    /// Check every line of the audit, and that payments and audit agree
    Verify {
        /// The hash of a line that an alert showed: it must stand there
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
    /// Every payment and every line of the audit, a line of JSON each
    Export,
}

/// Who decides.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// With the token of this name in the config [default: the first that may]
    #[arg(long = "as", value_name = "TOKEN")]
    name: Option<String>,
}

/// The settings of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only by this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Only in this state
    #[arg(long, value_parser = PossibleValuesParser::new(PaymentState::ALL.map(PaymentState::word)))]
    state: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

/// The settings of `approve`.
#[derive(Debug, clap::Args)]
pub(super) struct Approve {
    /// Its id
    id: String,
    /// The SHA-256 of its request, where it was shown earlier: another request is not approved [default: as it is now]
    #[arg(long, value_name = "SHA256")]
    body: Option<String>,
    /// Even if what made it does not hold any more
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    who: Who,
}

/// The settings of `accept`.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct What {
    /// The fingerprint that was shown
    fingerprint: Option<String>,
    /// A new payee may be paid before its first day is over; takes two approvers
    #[arg(long, value_name = "NAME")]
    payee: Option<String>,
    /// Circle's entity public key has this SHA-256 from now on
    #[arg(long, value_name = "SHA256")]
    entity_key: Option<String>,
}

/// The settings of `accept`.
#[derive(Debug, clap::Args)]
pub(super) struct Accept {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    who: Who,
}

/// The settings of `resolve`.
#[derive(Debug, clap::Args)]
pub(super) struct Resolve {
    /// Its id
    id: String,
    /// It is this transaction at Circle, which is then read
    #[arg(long = "circle", value_name = "CIRCLE_ID", required_unless_present = "absent", conflicts_with = "absent")]
    circle: Option<String>,
    /// It never arrived at Circle; takes two approvers
    #[arg(long)]
    absent: bool,
    #[command(flatten)]
    who: Who,
}

/// What goes on.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Stopped {
    /// The rule
    rule: Option<String>,
    /// The payee
    #[arg(long, value_name = "NAME")]
    payee: Option<String>,
    /// The clock is right
    #[arg(long)]
    clock: bool,
}

/// The settings of `resume`.
#[derive(Debug, clap::Args)]
pub(super) struct Resume {
    #[command(flatten)]
    what: Stopped,
    #[command(flatten)]
    who: Who,
}

impl Payments {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let stops = matches!(self, Self::Freeze { .. }).then(|| places.locate()).transpose()?;
        let done = self.done(places).await;
        match stops {
            Some((config, _)) => done.map_err(|failure| decide::or_by_file(&config, failure)),
            None => done,
        }
    }

    async fn done(self, places: &Places) -> Result<(), Failure> {
        let located = places.load_to_ask()?;
        match self {
            Self::List(asked) => look::list(&located, asked).await,
            Self::Show { id, json } => look::show(&located, &id, json).await,
            Self::Approve(asked) => decide::approve(&located, asked).await,
            Self::Reject { id, who } => decide::about(&located, &who, &id, "reject", "is refused").await,
            Self::Accept(asked) => decide::accept(&located, asked).await,
            Self::Freeze { reason, who } => decide::freeze(&located, reason, &who).await,
            Self::Unfreeze { who } => decide::unfreeze(&located, &who).await,
            Self::Cancel { id, who } => decide::cancel(&located, &who, &id).await,
            Self::Resolve(asked) => decide::resolve(&located, asked).await,
            Self::Resume(asked) => decide::resume(&located, asked).await,
            Self::Probe { who } => decide::probe(&located, &who).await,
            Self::Verify { head } => books::verify(&located, head.as_deref()),
            Self::Export => books::export(&located).await,
        }
    }
}
