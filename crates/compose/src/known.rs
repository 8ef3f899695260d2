//! What a compose directory says of *itself*: which compose it is. Four files say it, and whichever of them are there must
//! agree; the configuration and the options that continue the compose must fit it.

use crate::composeinfo::{ComposeinfoError, find_identity};
use crate::identity::{ComposeIdentity, IdParts, Label, Product};
use crate::images::ImagesError;
use crate::images::load_compose_id;
use crate::layout::ComposeDir;
use crate::read::load_text;
use std::io;
use std::path::{Path, PathBuf};

/// The largest COMPOSE_ID that is read, in bytes.
const MAX_ID_BYTES: u64 = 4096;

/// Why the compose in a directory is unknown, or is not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// A composeinfo cannot be used.
    #[error(transparent)]
    Composeinfo(#[from] ComposeinfoError),
    /// images.json cannot be used.
    #[error(transparent)]
    Images(#[from] ImagesError),
    /// COMPOSE_ID cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Two files name different composes.
    #[error(
        "{} says that the {what} of the compose is {first}, but {} says {second}: correct the one that is wrong",
        one.display(), other.display()
    )]
    Disagree {
        /// What they disagree on: `id` or `label`.
        what: &'static str,
        one: PathBuf,
        first: String,
        other: PathBuf,
        second: String,
    },
    /// The configuration is that of another product.
    #[error("{} is compose {id}, of {what} {found}; the configuration has {configured}", dir.display())]
    Product {
        dir: PathBuf,
        id: String,
        /// What differs.
        what: &'static str,
        found: String,
        configured: String,
    },
    /// Only the id is known, and the configuration cannot make it.
    #[error("{} says that the compose is {id}, which no compose of this configuration is; its would be {computed}", path.display())]
    Id {
        /// The file that says it.
        path: PathBuf,
        id: String,
        /// What the configuration makes of its parts.
        computed: String,
    },
}

/// The identity of the compose in `dir`, from whichever of composeinfo.json, composeinfo-base.json, images.json and
/// COMPOSE_ID are there; `None` when there are none. Where only an id is known, the rest is that of `configured`, which must
/// be of the same product in any case.
pub fn load_identity_of(dir: &ComposeDir, configured: &ComposeIdentity) -> Result<Option<ComposeIdentity>, KnownError> {
    let (info, base) = (dir.composeinfo_file(), dir.composeinfo_base_file());
    let published = find_identity(&info)?;
    let begun = find_identity(&base)?;
    let mut ids: Vec<(PathBuf, String)> = Vec::new();
    ids.extend(published.as_ref().map(|identity| (info.clone(), identity.id())));
    ids.extend(begun.as_ref().map(|identity| (base.clone(), identity.id())));
    ids.extend(load_compose_id(&dir.images_file())?.map(|id| (dir.images_file(), id)));
    ids.extend(load_id(&dir.compose_id_file())?.map(|id| (dir.compose_id_file(), id)));
    let Some((one, first)) = ids.first() else { return Ok(None) };
    let disagree = |what, one: &Path, first: &str, other: &Path, second: &str| KnownError::Disagree {
        what,
        one: one.to_path_buf(),
        first: first.to_owned(),
        other: other.to_path_buf(),
        second: second.to_owned(),
    };
    if let Some((other, second)) = ids.iter().find(|(_, id)| id != first) {
        return Err(disagree("id", one, first, other, second));
    }
    if let (Some(published), Some(begun)) = (&published, &begun)
        && published.label != begun.label
    {
        let label = |identity: &ComposeIdentity| identity.label.as_ref().map_or("none", Label::as_str).to_owned();
        return Err(disagree("label", &info, &label(published), &base, &label(begun)));
    }
    let identity = match published {
        Some(published) => published,
        // It is decided at the end of a compose whether it is final.
        None => match begun {
            Some(begun) => ComposeIdentity { is_final: begun.is_final || configured.is_final, ..begun },
            None => of_id(one, first, configured)?,
        },
    };
    same_product(dir, &identity, configured)?;
    Ok(Some(identity))
}

fn of_id(path: &Path, id: &str, configured: &ComposeIdentity) -> Result<ComposeIdentity, KnownError> {
    let identity = match IdParts::find(id) {
        Some(IdParts { date, kind, respin }) => ComposeIdentity { date, kind, respin, ..configured.clone() },
        None => configured.clone(),
    };
    let computed = identity.id();
    if computed == id {
        Ok(identity)
    } else {
        Err(KnownError::Id { path: path.to_path_buf(), id: id.to_owned(), computed })
    }
}

/// What COMPOSE_ID says, without the newline that some write; `None` when it is not there, or empty.
fn load_id(path: &Path) -> Result<Option<String>, KnownError> {
    match load_text(path, MAX_ID_BYTES) {
        Ok(text) => Ok(Some(text.trim()).filter(|id| !id.is_empty()).map(str::to_owned)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KnownError::Read { path: path.to_path_buf(), source }),
    }
}

/// Refuses the configuration of another product. The names for people may differ.
fn same_product(dir: &ComposeDir, identity: &ComposeIdentity, configured: &ComposeIdentity) -> Result<(), KnownError> {
    let text = |product: Option<&Product>| match product {
        Some(Product { short, version, kind, .. }) if kind.is_empty() || kind == "ga" => format!("{short} {version}"),
        Some(Product { short, version, kind, .. }) => format!("{short} {version} ({kind})"),
        None => "none".to_owned(),
    };
    let pairs = [
        ("the release", Some(&identity.release), Some(&configured.release)),
        ("the base product", identity.base_product.as_ref(), configured.base_product.as_ref()),
    ];
    for (what, ours, theirs) in pairs {
        let (found, configured) = (text(ours), text(theirs));
        if found != configured {
            return Err(KnownError::Product {
                dir: dir.top().to_path_buf(),
                id: identity.id(),
                what,
                found,
                configured,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composeinfo::composeinfo_base;
    use crate::identity::{ComposeType, test_identity};
    use serde_json::{Value, json};
    use std::fs;

    struct Place {
        _dir: tempfile::TempDir,
        compose: ComposeDir,
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let compose = ComposeDir::at(&dir.path().join("mine"));
        fs::create_dir_all(compose.metadata()).unwrap();
        fs::create_dir_all(compose.work_global()).unwrap();
        Place { _dir: dir, compose }
    }

    fn nightly() -> ComposeIdentity {
        ComposeIdentity { kind: ComposeType::Nightly, respin: 3, ..test_identity() }
    }

    fn images(id: &str) -> String {
        json!({"header": {"type": "productmd.images", "version": "1.2"}, "payload": {"compose": {"id": id}, "images": {}}})
            .to_string()
    }

    /// A composeinfo of `identity` that says whether it is final.
    fn info(identity: &ComposeIdentity) -> Value {
        let mut info = composeinfo_base(identity);
        info["payload"]["compose"]["final"] = json!(identity.is_final);
        info
    }

    #[test]
    fn each_file_alone_says_which_compose_it_is() {
        let id = nightly().id();
        type Write = fn(&ComposeDir, &str);
        let files: [Write; 4] = [
            |dir, _| fs::write(dir.composeinfo_file(), info(&nightly()).to_string()).unwrap(),
            |dir, _| fs::write(dir.composeinfo_base_file(), info(&nightly()).to_string()).unwrap(),
            |dir, id| fs::write(dir.images_file(), images(id)).unwrap(),
            |dir, id| fs::write(dir.compose_id_file(), format!("{id}\n")).unwrap(),
        ];
        let none = place();
        assert_eq!(load_identity_of(&none.compose, &test_identity()).unwrap(), None);
        for write in files {
            let one = place();
            write(&one.compose, &id);
            assert_eq!(load_identity_of(&one.compose, &test_identity()).unwrap(), Some(nightly()));
        }
    }

    #[test]
    fn label_and_final_are_those_of_the_compose() {
        let place = place();
        let mut identity = ComposeIdentity { label: Some(Label::parse("Beta-1.0").unwrap()), ..nightly() };
        identity.is_final = true;
        fs::write(place.compose.composeinfo_file(), info(&identity).to_string()).unwrap();
        fs::write(place.compose.composeinfo_base_file(), composeinfo_base(&identity).to_string()).unwrap();
        assert_eq!(load_identity_of(&place.compose, &test_identity()).unwrap(), Some(identity));
    }

    #[test]
    fn files_that_disagree_are_named() {
        let place = place();
        fs::write(place.compose.composeinfo_file(), info(&nightly()).to_string()).unwrap();
        fs::write(place.compose.compose_id_file(), "Test-9.2-20240301.n.0").unwrap();
        let error = load_identity_of(&place.compose, &test_identity()).unwrap_err().to_string();
        for part in ["composeinfo.json says", "20240229.n.3", "COMPOSE_ID says Test-9.2-20240301.n.0"] {
            assert!(error.contains(part), "{error}");
        }
        fs::remove_file(place.compose.compose_id_file()).unwrap();
        let labelled = ComposeIdentity { label: Some(Label::parse("Beta-1.0").unwrap()), ..nightly() };
        fs::write(place.compose.composeinfo_base_file(), info(&labelled).to_string()).unwrap();
        let error = load_identity_of(&place.compose, &test_identity()).unwrap_err().to_string();
        assert!(error.contains("label of the compose is none") && error.contains("says Beta-1.0"), "{error}");
    }

    #[test]
    fn another_product_is_refused() {
        type Change = fn(&mut ComposeIdentity);
        let changes: [(Change, &str); 4] = [
            (|i| i.release.version = "10".to_owned(), "of the release Test 9.2; the configuration has Test 10"),
            (|i| i.release.short = "Ex".to_owned(), "the configuration has Ex 9.2"),
            (|i| i.release.kind = "updates".to_owned(), "the configuration has Test 9.2 (updates)"),
            (|i| i.base_product = Some(i.release.clone()), "of the base product none; the configuration has Test 9.2"),
        ];
        let place = place();
        fs::write(place.compose.composeinfo_file(), info(&nightly()).to_string()).unwrap();
        for (change, expected) in changes {
            let mut configured = test_identity();
            change(&mut configured);
            let error = load_identity_of(&place.compose, &configured).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("Test-9.2-20240229.n.3"), "{error}");
        }
        fs::remove_file(place.compose.composeinfo_file()).unwrap();
        fs::write(place.compose.compose_id_file(), "Other-1-20240229.n.0").unwrap();
        let error = load_identity_of(&place.compose, &test_identity()).unwrap_err().to_string();
        assert!(error.contains("its would be Test-9.2-20240229.n.0"), "{error}");
    }
}
