//! The nearest known word to one that nobody knows.

/// How many letters must be added, dropped, changed or swapped with a neighbour to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let change = usize::from(left[i - 1] != right[j - 1]);
            let mut cost = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                cost = cost.min(rows[i - 2][j - 2] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

/// Longer words are not compared: a hint is for typing mistakes, and the cost is the product of the lengths.
const LONGEST: usize = 64;

/// The known word that is nearest, where one is near enough to have been meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    if lower.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(far, candidate)| *far <= (candidate.len().max(word.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A hint: the nearest word, or all of them where none is near.
#[must_use]
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut all: Vec<&str> = known.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() {
        return "there is none yet: write one".into();
    }
    format!("known here: {}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(nearest(word, ["at_least", "at_most_every", "below", "above", "for", "of"]), expected, "{word}");
        };
        check("atleast", Some("at_least"));
        check("at_laest", Some("at_least"));
        check("at_most", None);
        check("o", Some("of"));
        check("bellow", Some("below"));
        check("Above", Some("above"));
        check("fro", Some("for"));
        check("severity", None);
        check(&"x".repeat(10_000), None);
    }
}
