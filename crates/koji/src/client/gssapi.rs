//! *Kerberos as the system has it*, through GSSAPI: tickets from a key table or a credential cache.
//!
//! The key table and the cache are named to the library in the call, never in the environment, which is the whole
//! process's.

use super::negotiate::{NegotiateError, Negotiation, Negotiator, TicketSource};
use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::Cred;
use libgssapi::error::{Error, MajorFlags};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE, GSS_NT_KRB5_PRINCIPAL};
use libgssapi_sys::{
    _GSS_C_INDEFINITE as GSS_C_INDEFINITE, GSS_C_INITIATE, GSS_S_COMPLETE, gss_OID_desc, gss_acquire_cred_from,
    gss_buffer_desc, gss_cred_id_t, gss_cred_usage_t, gss_import_name, gss_key_value_element_desc,
    gss_key_value_set_desc, gss_name_t, gss_release_name,
};
use std::ffi::{CStr, CString};
use std::ptr;

/// `KRB5_KDC_UNREACH` and `KRB5_REALM_CANT_RESOLVE`: no KDC answers. The library gives them as unsigned numbers.
const PASSING: [u32; 2] = [(-1_765_328_228_i32).cast_unsigned(), (-1_765_328_164_i32).cast_unsigned()];

/// The system's Kerberos library.
#[derive(Debug)]
pub struct SystemKerberos;

struct Context(ClientCtx);

impl Negotiation for SystemKerberos {
    fn begin(&self, source: &TicketSource, host: &str) -> Result<Box<dyn Negotiator>, NegotiateError> {
        let credential = credential(source)?;
        let service = format!("HTTP@{host}");
        let target = Name::new(service.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))
            .map_err(|e| explain(e, &format!("`{service}` is not a service")))?;
        let context = ClientCtx::new(Some(credential), target, CtxFlags::GSS_C_MUTUAL_FLAG, Some(GSS_MECH_SPNEGO));
        Ok(Box::new(Context(context)))
    }
}

impl Negotiator for Context {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, NegotiateError> {
        let what = match token {
            None => "no ticket for the server",
            Some(_) => "the web server refuses the ticket, or is not the one that it should be",
        };
        self.0.step(token, None).map(|token| token.map(|token| token.to_vec())).map_err(|e| explain(e, what))
    }

    fn is_complete(&self) -> bool {
        // The library says so only when the mutual authentication that was asked for has happened.
        self.0.is_complete() && self.0.flags().is_ok_and(|flags| flags.contains(CtxFlags::GSS_C_MUTUAL_FLAG))
    }
}

fn credential(source: &TicketSource) -> Result<Cred, NegotiateError> {
    let text =
        |what: &str, value: &str| CString::new(value).map_err(|_| fail(format!("the {what} has a NUL character")));
    let mut store: Vec<(&CStr, CString)> = Vec::new();
    let what = match (&source.keytab, &source.ccache) {
        (Some(keytab), _) => {
            let file = keytab.strip_prefix("FILE:").unwrap_or(keytab);
            if !keytab.contains(':') || file.len() < keytab.len() {
                // The library says of an absent file only that there are no credentials.
                crate::files::open(file.as_ref()).map_err(|e| fail(format!("cannot read the keytab {file}: {e}")))?;
            }
            store.push((c"client_keytab", text("key table", keytab)?));
            store.push((c"ccache", text("credential cache", &own_cache())?));
            format!("no ticket with the keytab {keytab}")
        }
        (None, Some(ccache)) => {
            store.push((c"ccache", text("credential cache", ccache)?));
            format!("no ticket in the credential cache {ccache}")
        }
        (None, None) => "no ticket".to_owned(),
    };
    let principal = source.principal.as_deref().map(|principal| text("principal", principal)).transpose()?;
    let what = match &source.principal {
        None => what,
        Some(principal) => format!("{what} for {principal}"),
    };
    acquire(principal.as_deref(), &store).map_err(|e| explain(e, &what))
}

/// Gets the credential of `principal` from `store`, pairs of the kind of a place and its name. The safe binding has no such
/// call.
#[expect(unsafe_code, reason = "three calls of the C library")]
fn acquire(principal: Option<&CStr>, store: &[(&CStr, CString)]) -> Result<Cred, Error> {
    let mut minor = 0;
    let mut name: gss_name_t = ptr::null_mut();
    if let Some(principal) = principal {
        let bytes = principal.to_bytes();
        let mut buffer = gss_buffer_desc { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() };
        let oid = GSS_NT_KRB5_PRINCIPAL;
        let mut kind = gss_OID_desc { length: oid.len() as u32, elements: oid.as_ptr().cast_mut().cast() };
        // SAFETY: the buffer and the kind point to bytes that outlive the call, which copies them and writes neither; `name` is
        // written by the call and released below.
        let major = unsafe { gss_import_name(&raw mut minor, &raw mut buffer, &raw mut kind, &raw mut name) };
        check(major, minor)?;
    }
    let mut elements: Vec<_> = store
        .iter()
        .map(|(key, value)| gss_key_value_element_desc { key: key.as_ptr(), value: value.as_ptr() })
        .collect();
    let places = gss_key_value_set_desc { count: elements.len() as u32, elements: elements.as_mut_ptr() };
    let mut credential: gss_cred_id_t = ptr::null_mut();
    // SAFETY: `name` is null or a name that the library made; `places` and what it points to outlive the call; null pointers
    // stand where the call takes them for "any" and "not wanted". The credential belongs to us after a success.
    let major = unsafe {
        gss_acquire_cred_from(
            &raw mut minor,
            name,
            GSS_C_INDEFINITE,
            ptr::null_mut(),
            GSS_C_INITIATE as gss_cred_usage_t,
            &raw const places,
            &raw mut credential,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if !name.is_null() {
        let mut ignored = 0;
        // SAFETY: the name was made above and is not used again.
        let _ = unsafe { gss_release_name(&raw mut ignored, &raw mut name) };
    }
    check(major, minor)?;
    // SAFETY: the call succeeded, so the credential is valid and ours alone.
    Ok(unsafe { Cred::from_c(credential) })
}

fn check(major: u32, minor: u32) -> Result<(), Error> {
    if major == GSS_S_COMPLETE { Ok(()) } else { Err(Error { major: MajorFlags::from_bits_retain(major), minor }) }
}

/// The name of a credential cache in memory that nothing else uses.
fn own_cache() -> String {
    format!("MEMORY:magudi-{:016x}", fastrand::u64(..))
}

fn fail(reason: String) -> NegotiateError {
    NegotiateError { reason, passes: false }
}

fn explain(error: Error, what: &str) -> NegotiateError {
    let text = error.to_string();
    // The mechanism's own words stand in brackets after those of GSSAPI, which say little.
    let detail = text.split_once(" (").and_then(|(_, detail)| detail.trim_end().strip_suffix(')'));
    let detail = detail.filter(|detail| error.minor != 0 && !detail.is_empty()).unwrap_or(&text);
    NegotiateError { reason: format!("{what}: {}", detail.trim()), passes: PASSING.contains(&error.minor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(source: &TicketSource) -> NegotiateError {
        match SystemKerberos.begin(source, "localhost").and_then(|mut context| context.step(None)) {
            Err(error) => error,
            Ok(_) => panic!("a ticket from nowhere"),
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing").display().to_string();
        let principal = Some("compose@MAGUDI.TEST".to_owned());
        let error = begin(&TicketSource { principal: principal.clone(), keytab: Some(missing.clone()), ccache: None });
        assert!(error.reason.starts_with(&format!("cannot read the keytab {missing}: ")), "{error}");
        assert!(!error.passes);
        let error = begin(&TicketSource { principal, keytab: None, ccache: Some(missing.clone()) });
        let expected = format!("no ticket in the credential cache {missing} for compose@MAGUDI.TEST: ");
        assert!(error.reason.starts_with(&expected) && !error.reason.contains("GSS"), "{error}");
        let error = begin(&TicketSource { keytab: Some("a\0b".into()), ..TicketSource::default() });
        assert!(error.reason.contains("NUL") || error.reason.contains("nul"), "{error}");
    }

    #[test]
    fn every_login_has_a_cache_of_its_own() {
        assert!(own_cache().starts_with("MEMORY:magudi-"));
        assert_ne!(own_cache(), own_cache());
    }
}
