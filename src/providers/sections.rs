//! The `[providers]` table of the configuration, and the providers that it makes.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::field::Field;
use crate::domain::policy::Send;
use crate::domain::provider::ProviderId;

use super::Provider;
use super::lemonway::{Lemonway, LemonwaySettings};
use super::safedebit::{Safedebit, SafedebitSettings};
use super::settings::{CommonSettings, Credentials, SecretSource, SettingsError, default_send};
use super::wsone::{WsOne, WsOneSettings};

/// The `[providers]` table: a section for each provider, and a provider without one is off.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvidersSettings {
    /// `[providers.wsone]`
    pub wsone: Option<WsOneSettings>,
    /// `[providers.lemonway]`
    pub lemonway: Option<LemonwaySettings>,
    /// `[providers.safedebit]`
    pub safedebit: Option<SafedebitSettings>,
}

/// Where the credentials of a provider are kept.
#[derive(Debug, Clone, Copy)]
pub struct SecretSources<'a> {
    /// User name or login.
    pub username: &'a SecretSource,
    /// Password.
    pub password: &'a SecretSource,
}

impl ProvidersSettings {
    /// The providers that have a section and are enabled, in the order in which they are shown.
    #[must_use]
    pub fn enabled(&self) -> Vec<ProviderId> {
        ProviderId::ALL
            .into_iter()
            .filter(|id| self.common(*id).is_some_and(|common| common.enabled))
            .collect()
    }

    /// The common settings of a provider that has a section.
    #[must_use]
    pub fn common(&self, id: ProviderId) -> Option<&CommonSettings> {
        match id {
            ProviderId::Wsone => self.wsone.as_ref().map(|section| &section.common),
            ProviderId::Lemonway => self.lemonway.as_ref().map(|section| &section.common),
            ProviderId::Safedebit => self.safedebit.as_ref().map(|section| &section.common),
        }
    }

    /// See [`Provider::lacks`].
    #[must_use]
    pub fn lacks(&self, id: ProviderId, has: &dyn Fn(Field) -> bool) -> Option<&'static str> {
        match id {
            ProviderId::Wsone => self.wsone.as_ref()?.lacks(has),
            ProviderId::Lemonway | ProviderId::Safedebit => None,
        }
    }

    /// What calls of a provider carry beside what changed.
    #[must_use]
    pub fn send_mode(&self, id: ProviderId) -> Send {
        self.common(id).and_then(|common| common.send).unwrap_or(default_send(id))
    }

    /// What is common to the section of a provider, to be changed: a rehearsal sends to its simulators.
    pub fn common_mut(&mut self, id: ProviderId) -> Option<&mut CommonSettings> {
        match id {
            ProviderId::Wsone => self.wsone.as_mut().map(|section| &mut section.common),
            ProviderId::Lemonway => self.lemonway.as_mut().map(|section| &mut section.common),
            ProviderId::Safedebit => self.safedebit.as_mut().map(|section| &mut section.common),
        }
    }

    /// Where the credentials of a provider that has a section are kept.
    #[must_use]
    pub fn secrets(&self, id: ProviderId) -> Option<SecretSources<'_>> {
        let (username, password) = match id {
            ProviderId::Wsone => self.wsone.as_ref().map(|section| (&section.username, &section.password)),
            ProviderId::Lemonway => self.lemonway.as_ref().map(|section| (&section.login, &section.password)),
            ProviderId::Safedebit => {
                self.safedebit.as_ref().map(|section| (&section.username, &section.password))
            }
        }?;
        Some(SecretSources { username, password })
    }

    /// Makes a provider; `None` when it has no section. Whether it is enabled is the caller's question.
    ///
    /// # Errors
    /// [`SettingsError`] for the first setting that cannot work.
    pub fn provider(
        &self,
        id: ProviderId,
        credentials: Credentials,
    ) -> Result<Option<Arc<dyn Provider>>, SettingsError> {
        let provider: Option<Arc<dyn Provider>> = match id {
            ProviderId::Wsone => match self.wsone.clone() {
                Some(section) => Some(Arc::new(WsOne::new(section, credentials)?)),
                None => None,
            },
            ProviderId::Lemonway => match self.lemonway.clone() {
                Some(section) => Some(Arc::new(Lemonway::new(section, credentials)?)),
                None => None,
            },
            ProviderId::Safedebit => match self.safedebit.clone() {
                Some(section) => Some(Arc::new(Safedebit::new(section, credentials)?)),
                None => None,
            },
        };
        Ok(provider)
    }
}
