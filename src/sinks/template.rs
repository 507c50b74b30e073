//! Messages in words of the operator's own: templates for the title, the lines below it and the link.
//!
//! What a template makes is a [`Text`] like ours: each sink escapes it whole, so that a name from a chain is as inert in it as in ours, and every
//! mark that a message must have ([`text::marked`]) is put on it. A template decides words, never markup. It is strict (what is not there is a
//! fault), has [`FUEL`], and reads nothing but the message. Each is rendered for samples of every type that it is for before it is in force; one
//! that fails all the same gives way to our own words, which is said once and counted.

mod context;
mod filters;
mod samples;
#[cfg(test)]
mod tests;

use super::body;
use super::text::{self, Text, marked};
use crate::config::checked::{TemplateConfig, Written};
use crate::config::faults::{Faults, Notes, Place};
use crate::reactor::effect::MessageKind;
use crate::reactor::settings::is_of_type;
use crate::store::NewMessage;
use crate::types::Name;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a template may do: each step of it takes one. Ours of a page take some hundreds.
const FUEL: u64 = 20_000;
/// The most characters of a title: so that the smallest receiver, which cuts a title and shows it whole below, has room for both.
const MOST_TITLE: usize = 400;
/// The most characters of the lines: what a chat takes, escaped.
const MOST_TEXT: usize = 2_000;
/// The most characters of a link.
const MOST_LINK: usize = 1_000;

/// What a template is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Title,
    Text,
    Link,
}

impl Part {
    const ALL: [Self; 3] = [Self::Title, Self::Text, Self::Link];

    const fn most(self) -> usize {
        match self {
            Self::Title => MOST_TITLE,
            Self::Text => MOST_TEXT,
            Self::Link => MOST_LINK,
        }
    }

    const fn of(self, config: &TemplateConfig) -> Option<&Written> {
        match self {
            Self::Title => config.title.as_ref(),
            Self::Text => config.text.as_ref(),
            Self::Link => config.link.as_ref(),
        }
    }

    /// Under which a template is kept; the formatter tells links by it.
    fn name(self, nth: usize) -> String {
        let word = match self {
            Self::Title => "title",
            Self::Text => "text",
            Self::Link => filters::LINK,
        };
        format!("{nth}.{word}")
    }
}

/// Who chooses the words of messages: templates, or we.
#[derive(Clone, Default)]
pub struct Words(Option<Arc<Templates>>);

struct Templates {
    environment: Environment<'static>,
    all: Vec<(TemplateConfig, AtomicBool)>,
    counted: Box<dyn Fn(&Name) + Send + Sync>,
}

/// Why a template made no words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    what: String,
    /// Where in the template: the offset of what failed, or only its line.
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Offset(usize),
    Line(usize),
    Whole,
}

impl Words {
    /// Of templates: reads each, and renders it for samples of all that it is for. `counted` is called with the sink for every message that
    /// was to have these words and has ours.
    ///
    /// # Errors
    /// Every template that fails, with its place.
    pub fn new(templates: &[TemplateConfig], counted: impl Fn(&Name) + Send + Sync + 'static) -> Result<Self, Faults> {
        if templates.is_empty() {
            return Ok(Self::default());
        }
        let notes = Notes::default();
        let mut environment = environment();
        for (nth, config) in templates.iter().enumerate() {
            for part in Part::ALL {
                let Some(written) = part.of(config) else { continue };
                if let Err(error) = environment.add_template_owned(part.name(nth), written.text.clone()) {
                    let Trouble { what, at } = Trouble::of(&error);
                    notes.fault(&place(written, at), format!("the template cannot be read: {what}"), HINT);
                }
            }
        }
        let all = templates.iter().map(|config| (config.clone(), AtomicBool::new(false))).collect();
        let made = Templates { environment, all, counted: Box::new(counted) };
        // What cannot be read fails for every sample too, and is said already.
        if notes.is_fine() {
            made.environment_tried(&notes);
        }
        notes.finish()?;
        let Templates { mut environment, all, counted } = made;
        environment.set_debug(false);
        Ok(Self(Some(Arc::new(Templates { environment, all, counted }))))
    }

    /// What a message says at a sink. `again`: it may have been there before.
    #[must_use]
    pub fn text(&self, sink: &Name, message: &NewMessage, again: bool) -> Text {
        let Ok((kind, data)) = body::read(&message.body) else { return text::unreadable(&message.kind) };
        let place = body::place(&message.body);
        let ours = text::words(&kind, &data);
        let said = self.0.as_ref().and_then(|templates| {
            let nth = templates.of(sink, &kind, place.rule.as_deref())?;
            let said = templates.rendered(nth, &message.body, &ours);
            said.map_err(|(_, trouble)| templates.failed(nth, sink, &kind, &trouble)).ok()
        });
        marked(said.unwrap_or(ours), &kind, &place, again)
    }
}

/// What to do about a template that fails.
const HINT: &str = "\"Words\" in the README (\"A webhook\") says what a template can name";

impl Templates {
    /// The first template that is for a message.
    fn of(&self, sink: &Name, kind: &str, rule: Option<&str>) -> Option<usize> {
        self.all.iter().position(|(template, _)| template.is_for(kind, sink, rule))
    }

    /// What a template makes of a message; the part that fails, and why.
    fn rendered(&self, nth: usize, body: &[u8], ours: &Text) -> Result<Text, (Part, Trouble)> {
        let Text { mut title, mut lines, mut url } = ours.clone();
        let (config, _) = &self.all[nth];
        let context = context::of(body, ours);
        for part in Part::ALL.into_iter().filter(|part| part.of(config).is_some()) {
            let template = self.environment.get_template(&part.name(nth));
            let said = template.and_then(|template| template.render(context.clone()));
            let said = said.map_err(|error| (part, Trouble::of(&error)))?;
            let said = said.trim();
            let wrong = |what: String| (part, Trouble { what, at: At::Whole });
            if said.chars().count() > part.most() {
                return Err(wrong(format!("it makes more than {} characters", part.most())));
            }
            match part {
                Part::Title if said.is_empty() => return Err(wrong("it makes nothing".to_owned())),
                Part::Title => said.clone_into(&mut title),
                Part::Text => lines = said.lines().map(|line| line.trim_end().to_owned()).collect(),
                Part::Link => match text::link(said) {
                    Some(link) => url = Some(link),
                    None => return Err(wrong("it makes no link".to_owned())),
                },
            }
        }
        Ok(Text { title, lines, url })
    }

    /// Renders every template for samples of all that it is for; notes what fails, each part once.
    fn environment_tried(&self, notes: &Notes) {
        for (nth, (config, _)) in self.all.iter().enumerate() {
            let mut noted = Vec::new();
            let kinds = MessageKind::ALL.into_iter().map(MessageKind::word);
            let kinds = kinds.filter(|kind| config.types.iter().any(|pattern| is_of_type(kind, pattern.as_str())));
            for (kind, body) in kinds.flat_map(samples::of) {
                let Ok((read, data)) = body::read(&body) else { continue };
                let Err((part, trouble)) = self.rendered(nth, &body, &text::words(&read, &data)) else { continue };
                if let Some(written) = part.of(config).filter(|_| !noted.contains(&part)) {
                    let what = format!("the template fails for a {kind}: {}", trouble.what);
                    notes.fault(&place(written, trouble.at), what, HINT);
                    noted.push(part);
                }
            }
        }
    }

    fn failed(&self, nth: usize, sink: &Name, kind: &str, trouble: &Trouble) {
        (self.counted)(sink);
        let (config, said) = &self.all[nth];
        if !said.swap(true, Ordering::Relaxed) {
            let written = Part::ALL.iter().find_map(|part| part.of(config));
            let place = written.map(|written| written.place.to_string()).unwrap_or_default();
            let what = &trouble.what;
            tracing::warn!(%sink, "the template at {place} fails for a {kind}: {what}; such messages go in our own words");
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("its marks are the usual ones"));
    filters::add_to(&mut environment);
    environment
}

impl Trouble {
    fn of(error: &minijinja::Error) -> Self {
        let what = match (error.detail(), error.kind()) {
            (Some(detail), _) => detail.to_owned(),
            (None, minijinja::ErrorKind::UndefinedError) => "there is nothing of this name in the message".to_owned(),
            (None, kind) => kind.to_string(),
        };
        let at = match (error.range(), error.line()) {
            (Some(range), _) => At::Offset(range.start),
            (None, Some(line)) => At::Line(line),
            (None, None) => At::Whole,
        };
        Self { what, at }
    }
}

/// Where in the file, of a text that stands in quotation marks: one of several lines begins below three of them.
fn place(written: &Written, at: At) -> Place {
    let Written { text, place } = written;
    let (line, column) = match at {
        At::Offset(offset) => {
            let before = text.get(..offset).unwrap_or_default();
            let begun = before.rfind('\n').map_or(0, |end| end + 1);
            (before.matches('\n').count() + 1, before[begun..].chars().count() + 1)
        }
        At::Line(line) => (line, 1),
        At::Whole => return place.clone(),
    };
    if text.contains('\n') {
        return Place { line: place.line + line, column, ..place.clone() };
    }
    Place { column: place.column + column, ..place.clone() }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.as_ref().map_or(0, |templates| templates.all.len());
        write!(f, "Words({count} templates)")
    }
}
