//! The hub of a run: which one, how one logs in, and as whom.

use super::inspect::Inspected;
use crate::cli::{ComposeArgs, KojiArgs};
use crate::error::{Failure, words};
use crate::settings::Environment;
#[cfg(feature = "simulator")]
use magudi_compose::layout::ComposeDir;
use magudi_config::codes::BAD_PROFILE;
use magudi_config::{Diagnostic, Text};
use magudi_engine::login::Login;
use magudi_engine::volume::{Cache, Volume};
use magudi_koji::profile::shown_address;
use magudi_koji::{
    AuthType, Authenticator, ClientOptions, Hub, KojiError, Password, Profile, ProfileError, Session, load_profile,
};
use magudi_phases::pipeline::Access;
#[cfg(feature = "simulator")]
use magudi_phases::pipeline::{Compose, End};
use std::path::{Path, PathBuf};

/// What stands for the address of the simulated hub of a run.
#[cfg(feature = "simulator")]
const SIMULATED: &str = "the simulated hub";

/// How the hub is reached.
pub enum HubChoice {
    /// The hub of a koji profile.
    Profile(Box<Profile>, Authenticator),
    #[cfg(feature = "simulator")]
    Simulated(Box<magudi_devhub::Scenario>),
}

impl HubChoice {
    pub fn server(&self) -> &str {
        match self {
            Self::Profile(profile, _) => &profile.server,
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => SIMULATED,
        }
    }
}

/// The hub that a run would go to.
pub fn choose_hub(args: &ComposeArgs, environment: &Environment, inspected: &Inspected) -> Result<HubChoice, Failure> {
    #[cfg(feature = "simulator")]
    if let Some(scenario) = &args.simulate {
        let scenario = match scenario {
            Some(path) => super::hub::scenario(path)?,
            None => magudi_devhub::Scenario::default(),
        };
        return Ok(HubChoice::Simulated(Box::new(super::hub::for_plan(scenario, inspected.requests()))));
    }
    let configured = inspected.config.koji_profile.as_ref();
    match profile(&args.koji, environment, configured.map(Text::as_str)) {
        Ok((profile, authenticator)) => Ok(HubChoice::Profile(Box::new(profile), authenticator)),
        // The configuration's profile is at fault where no other was asked for.
        Err(Failure::Failed(error)) if args.koji.koji_profile.is_none() => {
            let found = Diagnostic::new(&BAD_PROFILE, "koji_profile", words(&*error));
            let found = match configured {
                Some(profile) => found.at(profile.span),
                None => found,
            };
            Err(Failure::invalid(vec![found], inspected.sources.clone()))
        }
        Err(other) => Err(other),
    }
}

/// The profile of the hub and the way to log in there. `configured` is the configuration's `koji_profile`.
pub fn profile(
    args: &KojiArgs,
    environment: &Environment,
    configured: Option<&str>,
) -> Result<(Profile, Authenticator), Failure> {
    let name = args.koji_profile.as_deref().or(configured);
    named_profile(name, args.koji_config.as_deref(), args.koji_user.as_deref(), environment)
}

/// The profile `name`, from the file `config` or where koji looks, and the way to log in there: as `user`, or as the
/// profile says.
pub fn named_profile(
    name: Option<&str>,
    config: Option<&Path>,
    user: Option<&str>,
    environment: &Environment,
) -> Result<(Profile, Authenticator), Failure> {
    let password = user.map(|user| {
        environment
            .koji_password
            .as_ref()
            .map(|password| (user.to_owned(), Password::new(password.reveal())))
            .ok_or_else(|| {
                Failure::usage(format!(
                    "--koji-user {user} needs the password in the environment variable MAGUDI_KOJI_PASSWORD"
                ))
            })
    });
    let password = password.transpose()?;
    let name = name.ok_or_else(|| {
        Failure::failed(
            "the Koji profile must be configured: set koji_profile in the configuration or give --koji-profile"
                .to_owned(),
        )
    })?;
    let locations = environment.profile_locations(config);
    let profile = load_profile(name, &locations).map_err(|error| match error {
        ProfileError::Unknown { ref searched, .. } if searched.is_empty() => {
            Failure::failed(format!("{error}; give --koji-config FILE"))
        }
        error => error.into(),
    })?;
    let authenticator = match password {
        Some((user, password)) => Authenticator::Password { user, password },
        None => Authenticator::from_profile(&profile)
            .and_then(|authenticator| {
                authenticator.check(&environment.network.client_options()).map(|()| authenticator)
            })
            .map_err(|error| {
                let other = if profile.auth_type() == AuthType::Password { "" } else { "to log in by password " };
                Failure::failed(format!("{error}; {other}give --koji-user USER and set MAGUDI_KOJI_PASSWORD"))
            })?,
    };
    Ok((profile, authenticator))
}

/// Why there is no way to the hub of a run.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("koji_cache needs a topurl, and the koji profile {0} has none")]
    NoTopurl(String),
    #[error(transparent)]
    Hub(#[from] KojiError),
    #[cfg(feature = "simulator")]
    #[error("cannot start the simulated hub: {0}")]
    Simulated(#[from] magudi_devhub::HubError),
}

/// Logs in at the hub of a profile.
pub async fn access(
    profile: Profile,
    authenticator: Authenticator,
    client: &ClientOptions,
    cache: Option<PathBuf>,
) -> Result<Access, AccessError> {
    let volume = match cache {
        None => Volume::Local { topdir: profile.topdir.clone() },
        Some(cache) => {
            let topurl = profile.topurl.as_ref().ok_or_else(|| AccessError::NoTopurl(profile.name.clone()))?;
            Volume::Cache(Cache::new(topurl, cache))
        }
    };
    let hub = Hub::new(&profile, client)?;
    let session = hub.login(authenticator).await?;
    let login = identify(&profile, &session).await?;
    Ok(Access { hub, session, volume, login, weburl: profile.weburl.trim_end_matches('/').to_owned(), after: None })
}

/// Asks the hub who we are there.
pub async fn identify(profile: &Profile, session: &Session) -> Result<Login, KojiError> {
    let user = session.get_logged_in_user().await?;
    let (user, user_id) = user.map(|user| (user.name, user.id)).unzip();
    Ok(Login { server: shown_address(&profile.server), profile: profile.name.clone(), user, user_id })
}

/// Runs a compose against a hub inside this process, over real HTTP.
#[cfg(feature = "simulator")]
pub async fn simulate(
    compose: Compose,
    scenario: magudi_devhub::Scenario,
    dir: &ComposeDir,
    cache: Option<PathBuf>,
    client: &ClientOptions,
    stopped: magudi_engine::stop::Stop,
) -> End {
    let options = magudi_devhub::HubOptions {
        target_dir: dir.top().parent().map(Path::to_path_buf),
        ..magudi_devhub::HubOptions::loopback(dir.top().join("work/simulated-koji"), scenario)
    };
    let hub = match magudi_devhub::start(options).await {
        Ok(hub) => hub,
        Err(error) => {
            let refused = async || Err(AccessError::from(error));
            return Box::pin(compose.run(refused, stopped)).await;
        }
    };
    let (profile, authenticator) = super::hub::profile(&hub);
    let login = || async {
        // Without the proxies of the environment: this hub is inside.
        let inside = ClientOptions { observer: client.observer.clone(), ..ClientOptions::default() };
        let mut access = access(profile, authenticator, &inside, cache).await?;
        // It listens at another address each time.
        SIMULATED.clone_into(&mut access.login.server);
        // All that it knows of ten thousand tasks would be in the way of the manifests and the report.
        access.after = Some(Box::pin(hub.shutdown()));
        Ok::<_, AccessError>(access)
    };
    Box::pin(compose.run(login, stopped)).await
}
