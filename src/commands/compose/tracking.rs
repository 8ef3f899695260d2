//! The *tracking* of a compose by CTS: whether and how it is asked, for the id of a compose that is begun and about where it is.

use crate::cli::RunSettings;
use crate::commands::inspect::Inspected;
use crate::commands::locking::host;
use crate::commands::runtime;
use crate::error::Failure;
use crate::settings::{CTS_SECRET, Environment};
use crate::ui::Ui;
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::opening;
use magudi_config::{Diagnostic, Node, codes};
use magudi_engine::cts::{Cts, CtsLogin, Relations, Tracked, as_url};
use magudi_koji::Password;
use magudi_phases::repos::translate;
use std::path::Path;

/// What the name of a keytab may have in place of the host's (facts: cts 9).
const HOSTNAME: &str = "$HOSTNAME";

/// The way to CTS (facts: cts 9); none where the configuration has none, or nothing real is made. What cannot be used is an error before anything is
/// touched.
pub fn cts(settings: &RunSettings, environment: &Environment, inspected: &Inspected) -> Result<Option<Cts>, Failure> {
    let option = |name: &'static str| -> Option<(&'static str, &Node, &str)> {
        let node = inspected.config.tree.as_dict()?.get(name)?;
        Some((name, node, node.as_str().filter(|text| !text.is_empty())?))
    };
    let Some(url) = option("cts_url").filter(|_| !settings.simulated) else { return Ok(None) };
    let refuse = |(name, node, _): (&str, &Node, &str), reason: String| {
        let found = Diagnostic::new(&codes::BAD_CTS, name, reason).at(node.span);
        Failure::invalid(vec![found], inspected.sources.clone())
    };
    let variables = &environment.cts;
    let token_url = option("cts_oidc_token_url");
    let (place, login) = if let Some(keytab) = option("cts_keytab") {
        (keytab, CtsLogin::Keytab(keytab.2.replace(HOSTNAME, &host())))
    } else if let Some(address) = variables.token_url.as_deref().or(token_url.map(|(_, _, text)| text)) {
        let place = token_url.unwrap_or(url);
        let client_id = variables.client_id.as_deref().or(option("cts_oidc_client_id").map(|(_, _, text)| text));
        let client_id = client_id.ok_or_else(|| {
            let text =
                "the login at CTS needs a client: set cts_oidc_client_id, or CTS_OIDC_CLIENT_ID in the environment";
            refuse(place, text.to_owned())
        })?;
        let secret = variables.client_secret.as_ref().ok_or_else(|| {
            refuse(
                place,
                format!("the login at CTS needs the client's secret in the environment variable {CTS_SECRET}"),
            )
        })?;
        let login = CtsLogin::Oidc {
            token_url: address.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: Password::new(secret.reveal()),
        };
        (place, login)
    } else {
        (url, CtsLogin::Anonymous)
    };
    let cts = Cts::new(url.2, login, &environment.network.client_options());
    cts.map(Some).map_err(|error| refuse(place, error.to_string()))
}

/// Asks CTS for the id of a compose that is begun, in `target` or, without one, in a directory of any name. Respins are from the first
/// one on that is free in `target`.
pub fn register(
    cts: &Cts,
    settings: &RunSettings,
    target: Option<&Path>,
    identity: &ComposeIdentity,
    ui: Ui,
) -> Result<ComposeIdentity, Failure> {
    let mut wanted = identity.clone();
    if let Some(target) = target {
        (_, wanted.respin) = opening::first_free_respin(target, identity)?;
    }
    let relations = Relations {
        parents: settings.compose.parent_compose_id.clone(),
        respin_of: settings.compose.respin_of.last().cloned(),
    };
    let tell = |text: String| {
        if !settings.compose.quiet {
            ui.note(&format!("warning: CTS: {text}"));
        }
    };
    Ok(runtime(1)?.block_on(cts.register(&wanted, &relations, tell))?)
}

/// The compose of `identity` in `dir`, as CTS hears of it at its end.
pub fn tracked(cts: Cts, inspected: &Inspected, identity: &ComposeIdentity, dir: &ComposeDir) -> Tracked {
    let url = as_url(translate(&dir.top().to_string_lossy(), &inspected.config.translate_paths));
    Tracked { cts, id: identity.id(), url }
}
