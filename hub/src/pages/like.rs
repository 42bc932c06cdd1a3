//! What the desks are to be like, as a form carries it: chosen in the search, hidden in the buttons
//! that book what was found.

use model::booking::Wish;
use model::feature::{Feature, Features};

use super::fields::Fields;
use super::frame::Frame;
use super::words;

/// What the desks are to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Like {
    /// What each must have.
    pub required: Features,
    /// What each had better have.
    pub wanted: Features,
    /// Whether they must stand side by side.
    pub together: bool,
}

/// One feature in the form.
pub struct FeatureChoice {
    /// Its name in the form's fields.
    pub name: &'static str,
    /// What is read.
    pub words: &'static str,
    /// Whether it must be.
    pub must: bool,
    /// Whether it had better be.
    pub rather: bool,
}

impl Like {
    /// Reads the fields `feature` (`must.monitor`, `rather.quiet`) and `together`; none where they
    /// are nothing that this form writes.
    #[must_use]
    pub fn read(fields: &Fields) -> Option<Self> {
        let mut like = Self { together: fields.get("together") == "1", ..Self::default() };
        for text in fields.all("feature") {
            let (how, name) = text.split_once('.')?;
            let feature = Feature::ALL.into_iter().find(|feature| self::name(*feature) == name)?;
            match how {
                "must" => like.required.insert(feature),
                "rather" => like.wanted.insert(feature),
                _ => return None,
            }
        }
        like.wanted = like.wanted.without(like.required);
        Some(like)
    }

    /// What a wish asks of its desks.
    #[must_use]
    pub fn of(wish: &Wish) -> Self {
        Self { required: wish.required, wanted: wish.wanted, together: wish.together }
    }

    /// The wish with desks like this.
    #[must_use]
    pub fn put_on(self, wish: Wish) -> Wish {
        // Side by side is a question only where there are several.
        let together = self.together && wish.desks > 1;
        Wish { required: self.required, wanted: self.wanted, together, ..wish }
    }

    /// The fields that [`Like::read`] reads.
    #[must_use]
    pub fn fields(self) -> Vec<(&'static str, String)> {
        let with = |how: &'static str, features: Features| {
            features.iter().map(move |feature| ("feature", format!("{how}.{}", name(feature))))
        };
        let mut fields: Vec<_> = with("must", self.required).collect();
        fields.extend(with("rather", self.wanted));
        if self.together {
            fields.push(("together", "1".to_owned()));
        }
        fields
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The form's choices.
    #[must_use]
    pub fn choices(self, f: &Frame) -> Vec<FeatureChoice> {
        let choice = |feature| FeatureChoice {
            name: name(feature),
            words: words::feature(f.language(), feature),
            must: self.required.contains(feature),
            rather: self.wanted.contains(feature),
        };
        Feature::ALL.into_iter().map(choice).collect()
    }

    /// In one line, where anything is asked.
    #[must_use]
    pub fn said(self, f: &Frame) -> Option<String> {
        let mut parts: Vec<String> = self
            .required
            .iter()
            .map(|feature| words::feature(f.language(), feature).to_owned())
            .collect();
        parts.extend(self.wanted.iter().map(|feature| {
            let words = words::feature(f.language(), feature);
            format!("{words}{}", f.say("（あれば）", " (if possible)"))
        }));
        if self.together {
            parts.push(f.say("となり同士", "side by side").to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(f.say("、", ", ")))
    }
}

/// A feature's name, the same as in the API.
fn name(feature: Feature) -> &'static str {
    match feature {
        Feature::Monitor => "monitor",
        Feature::Standing => "standing",
        Feature::Wheelchair => "wheelchair",
        Feature::Quiet => "quiet",
        Feature::NearNursery => "near_nursery",
        Feature::ThinClient => "thin_client",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let fields = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Fields::from(pairs.iter().map(owned).collect::<Vec<_>>())
        };
        for feature in Feature::ALL {
            let json = serde_json::to_value(feature).unwrap_or_default();
            assert_eq!(json, name(feature), "the API says the same word");
        }
        let like = Like {
            required: [Feature::Monitor].into_iter().collect(),
            wanted: [Feature::Quiet, Feature::Standing].into_iter().collect(),
            together: true,
        };
        let written: Vec<(String, String)> =
            like.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(Like::read(&Fields::from(written)), Some(like));
        assert_eq!(Like::read(&fields(&[("feature", "")])), Some(Like::default()));
        let both = Like::read(&fields(&[("feature", "rather.quiet"), ("feature", "must.quiet")]));
        assert!(both.is_some_and(|like| like.wanted.is_empty() && like.required.len() == 1));
        for hostile in ["quiet", "must.", "must.Monitor", ".", "must.monitor.monitor", "席.席"] {
            assert_eq!(Like::read(&fields(&[("feature", hostile)])), None, "{hostile}");
        }
    }
}
