/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib.h"
#include "dict.h"
#include "ioloop.h"
#include "auth-fields.h"
#include "pop3-policy/secret.h"
#include "compat-auth.h"
#include "login-delay.h"
#include "login-facts.h"
#include "login-policy.h"
#include "login-script.h"
#include "login-times.h"
#include "policy-cache.h"

const char *authdb_pop3_policy_version = DOVECOT_ABI_VERSION;

/* What Dovecot says to who has a wrong password. */
#define REFUSED_TEXT "Authentication failed."
#define FAILED_TEXT "[SYS/TEMP] Login is not possible now."

/* A login that is about to be answered, perhaps after a dict has been. */
struct pending_login {
	struct auth_request *request;
	/* for right now; other than by a refusal the delay is still to be
	   asked */
	enum passdb_result result;
	unsigned int delay_secs;
	enum policy_login_delay_failure delay_failure;
	/* one of them */
	verify_plain_callback_t *verify;
	lookup_credentials_callback_t *credentials;
	/* APOP: that of the digest */
	struct secret_match match;
};

/* The only answer that neither the next passdb nor a setting of the chain can
   turn into a login. */
static enum passdb_result
refuse(struct auth_request *request, const char *text)
{
	auth_request_set_field(request, "reason", text, NULL);
	return PASSDB_RESULT_USER_DISABLED;
}

/* The secret was right, so that nobody is guessing: what Dovecot delays all
   logins from an address for is something else. */
static enum passdb_result
refuse_known(struct auth_request *request, const char *text)
{
	(void)auth_request_import_auth(request, "no-penalty", "");
	return refuse(request, text);
}

static enum passdb_result
fail(struct auth_request *request, const char *error)
{
	e_error(authdb_event(request), "Login refused: %s", error);
	return refuse(request, FAILED_TEXT);
}

/* No opinion. What an earlier passdb has found right, stays right; what nobody
   has verified is the next one's, and where there is none, Dovecot refuses
   it. */
static enum passdb_result no_opinion(const struct auth_request *request)
{
	return request->fields.skip_password_check ?
		PASSDB_RESULT_USER_UNKNOWN : PASSDB_RESULT_NEXT;
}

static const struct pop3_passdb *
request_passdb(const struct auth_request *request)
{
	return container_of(request->passdb->passdb, struct pop3_passdb,
			    module);
}

static bool is_pop3(const struct auth_request *request)
{
	return strcasecmp(pop3_passdb_compat_protocol(request), "pop3") == 0;
}

static bool is_apop(const struct auth_request *request)
{
	return request->fields.mech_name != NULL &&
		strcasecmp(request->fields.mech_name, "APOP") == 0;
}

/* The secret was right: whatever refuses from here on may say what to do.
   device: name of the APOP secret, or NULL. Returns allowed, or a refusal. */
static enum passdb_result
judge_login(struct auth_request *request, const struct policy *policy,
	    const char *device, enum passdb_result allowed)
{
	char refusal[POLICY_LOGIN_REFUSAL_BYTES];
	struct policy_session_facts facts;
	const char *text;

	login_facts_init(&facts, request, device);
	if (!policy_login_is_allowed(policy, &facts, refusal)) {
		e_info(authdb_event(request), "Login refused: %s", refusal);
		return refuse_known(request, refusal);
	}
	switch (login_script_ask(policy, request, &facts, &text)) {
	case LOGIN_SCRIPT_PASSED:
		return allowed;
	case LOGIN_SCRIPT_DENIED:
		e_info(authdb_event(request), "Login refused by %s: %s",
		       policy->script, text);
		return refuse_known(request, text);
	case LOGIN_SCRIPT_FAILED:
		break;
	}
	return fail(request, text);
}

/* Something the pop3 process is to know; not the user's, so that no
   `userdb prefetch` may take it for all that is known of him. */
static void
set_session_field(struct auth_request *request, const char *name,
		  const char *value)
{
	bool prefetch_set = request->userdb_prefetch_set;

	auth_request_set_field(request, t_strconcat("userdb_", name, NULL),
			       value, NULL);
	request->userdb_prefetch_set = prefetch_set;
}

/*
 * Answers
 */

static void
pending_login_answer(struct pending_login *login, enum passdb_result result)
{
	if (login->verify != NULL)
		login->verify(result, login->request);
	else if (result == PASSDB_RESULT_OK) {
		/* Dovecot compares digests once more, before this returns. */
		login->credentials(result, login->match.secret,
				   login->match.secret_size, login->request);
	} else {
		login->credentials(result, NULL, 0, login->request);
	}
	secret_match_clear(&login->match);
}

/* Tell the pop3 process that the delay is kept. */
static void pending_login_set_field(struct pending_login *login)
{
	struct auth_request *request = login->request;

	set_session_field(request, "pop3_policy_delay_kept",
			  dec2str(login->delay_secs));
	/* "No opinion" would take it away again. */
	auth_fields_snapshot(request->fields.userdb_reply);
}

static void
pending_login_delay_known(const struct login_delay_answer *answer,
			  void *context)
{
	struct pending_login *login = context;
	struct auth_request *request = login->request;
	const char *text;

	switch (answer->verdict) {
	case LOGIN_DELAY_OVER:
		if (answer->error != NULL) {
			e_error(authdb_event(request), "Last login is not "
				"known, login allowed: %s", answer->error);
		}
		pending_login_set_field(login);
		break;
	case LOGIN_DELAY_WAIT:
		text = t_strdup_printf("[LOGIN-DELAY] One login in %u seconds "
				       "is allowed; try again in %u.",
				       login->delay_secs, answer->wait_secs);
		e_info(authdb_event(request), "Login refused: %s", text);
		login->result = refuse_known(request, text);
		break;
	case LOGIN_DELAY_UNKNOWN:
	default:
		login->result = fail(request, t_strdup_printf(
			"Last login is not known: %s", answer->error));
		break;
	}
	pending_login_answer(login, login->result);
	auth_request_unref(&request);
	i_free(login);
}

/* Answer what has been found. stack: wiped if it held a secret */
static void pending_login_finish(struct pending_login *stack)
{
	struct auth_request *request = stack->request;
	struct pending_login *login;

	if (stack->delay_secs == 0 ||
	    stack->result == PASSDB_RESULT_USER_DISABLED) {
		pending_login_answer(stack, stack->result);
		return;
	}
	login = i_new(struct pending_login, 1);
	*login = *stack;
	secret_match_clear(&stack->match);
	auth_request_ref(request);
	login_delay_check(request_passdb(request)->dict, request->fields.user,
			  login->delay_secs, login->delay_failure,
			  pending_login_delay_known, login);
}

static void
pending_login_set_delay(struct pending_login *login,
			const struct policy *policy)
{
	/* a master user neither waits for the user, nor he for him */
	if (login->request->fields.master_user != NULL)
		return;
	login->delay_secs = policy->login_delay_secs;
	login->delay_failure = policy->login_delay_failure;
}

/*
 * Passwords: after an earlier passdb has found them right
 */

static void judge_verified(struct pending_login *pending)
{
	struct auth_request *request = pending->request;
	struct login_policy login;

	login_policy_init(&login, request_passdb(request), request);
	if (login.state == LOGIN_POLICY_BROKEN && login.guards) {
		pending->result = fail(request, login.error);
	} else if (login.state == LOGIN_POLICY_ACTIVE) {
		pending_login_set_delay(pending, login.policy);
		pending->result = judge_login(request, login.policy, NULL,
					      pending->result);
	}
	login_policy_deinit(&login);
}

static void
pop3_passdb_verify_plain(struct auth_request *request,
			 const char *password ATTR_UNUSED,
			 verify_plain_callback_t *callback)
{
	struct pending_login login = {
		.request = request,
		.result = no_opinion(request),
		.verify = callback,
	};

	if (request->fields.skip_password_check && is_pop3(request) &&
	    request->fields.mech_name != NULL) T_BEGIN {
		judge_verified(&login);
	} T_END;
	pending_login_finish(&login);
}

/*
 * APOP
 */

/* The digest was right. */
static enum passdb_result
accept_apop(struct auth_request *request, const struct secret_store *store,
	    const struct policy *policy, const struct secret_match *match)
{
	struct secret_error error;
	enum passdb_result result;

	result = judge_login(request, policy, match->name,
			     PASSDB_RESULT_OK);
	if (result != PASSDB_RESULT_OK)
		return result;
	if (pop3_passdb_compat_lacks_tls(request)) {
		e_info(authdb_event(request), "APOP with secret %s without "
		       "TLS", match->name);
	}
	if (secret_store_note_use(store, request->fields.user, match->name,
				  ioloop_time, &error) < 0) {
		e_warning(authdb_event(request), "Last use of secret %s is "
			  "not noted: %s", match->name, error.text);
	}
	set_session_field(request, "pop3_policy_device", match->name);
	return PASSDB_RESULT_OK;
}

static enum passdb_result
check_apop(struct auth_request *request, const struct policy *policy,
	   struct secret_match *match_r)
{
	const struct secret_store store = {
		.secrets = policy->apop_secrets,
		.keys = policy->apop_keys,
	};
	struct secret_apop apop;
	struct secret_error error;
	int ret;

	if (store.secrets == NULL && store.keys == NULL) {
		e_info(authdb_event(request), "APOP refused: [%s] has no "
		       "apop_secrets", policy->section);
		return refuse(request, REFUSED_TEXT);
	}
	if (store.secrets == NULL || store.keys == NULL) {
		return fail(request, t_strdup_printf(
			"%s: [%s] has one of apop_secrets and apop_keys; "
			"expected both", policy->file, policy->section));
	}
	if (!secret_apop_parse(request->initial_response,
			       request->initial_response_len, &apop)) {
		/* as in an auth worker */
		return fail(request, "APOP without initial response");
	}
	ret = secret_store_check(&store, request->fields.user, &apop,
				 ioloop_time, match_r, &error);
	if (ret < 0)
		return fail(request, error.text);
	if (error.text[0] != '\0') {
		e_error(authdb_event(request), "%s: %s", ret > 0 ?
			"Not all of the user's secrets can be read" :
			"Login refused", error.text);
	} else if (ret == 0) {
		e_info(authdb_event(request), "APOP refused: no secret of "
		       "this user makes this digest");
	}
	if (ret == 0)
		return refuse(request, REFUSED_TEXT);
	return accept_apop(request, &store, policy, match_r);
}

static enum passdb_result judge_apop(struct pending_login *pending)
{
	struct auth_request *request = pending->request;
	enum passdb_result result;
	struct login_policy login;

	if (!is_pop3(request))
		return fail(request, "APOP outside of POP3");
	login_policy_init(&login, request_passdb(request), request);
	switch (login.state) {
	case LOGIN_POLICY_ACTIVE:
		pending_login_set_delay(pending, login.policy);
		result = check_apop(request, login.policy, &pending->match);
		break;
	case LOGIN_POLICY_NONE:
		e_info(authdb_event(request), "APOP refused: no section of "
		       "the policy file is this user's");
		result = refuse(request, REFUSED_TEXT);
		break;
	case LOGIN_POLICY_BROKEN:
	default:
		result = fail(request, login.error);
		break;
	}
	login_policy_deinit(&login);
	return result;
}

/*
 * Tokens
 */

/* Dovecot 2.4 verifies a token before it asks any passdb, none of which can
   undo that; 2.3 hands it to passdbs as a password. Of other mechanisms that
   want credentials nobody knows yet whether the secret is right. */
static bool is_verified_token(const struct auth_request *request)
{
	return request->fields.skip_password_check &&
		request->wanted_credentials_scheme != NULL &&
		request->wanted_credentials_scheme[0] == '\0' &&
		request->fields.mech_name != NULL &&
		(strcasecmp(request->fields.mech_name, "XOAUTH2") == 0 ||
		 strcasecmp(request->fields.mech_name, "OAUTHBEARER") == 0);
}

/* Only the delay is asked for. What else refuses is left to the pop3 process,
   from which the client hears why; such a login does not count. */
static void judge_token(struct pending_login *pending)
{
	struct auth_request *request = pending->request;
	char refusal[POLICY_LOGIN_REFUSAL_BYTES];
	struct policy_session_facts facts;
	struct login_policy login;

	login_policy_init(&login, request_passdb(request), request);
	if (login.state == LOGIN_POLICY_ACTIVE) {
		login_facts_init(&facts, request, NULL);
		if (policy_login_is_allowed(login.policy, &facts, refusal))
			pending_login_set_delay(pending, login.policy);
	}
	login_policy_deinit(&login);
}

/* An earlier passdb knows the master, but nobody has verified that it is he:
   what is compared now can show only that it is the user, who must not become
   a master by it. Some mechanisms verify before they ask, for no scheme. */
static bool is_unproved_master(const struct auth_request *request)
{
	return request->fields.master_user != NULL &&
		request->wanted_credentials_scheme != NULL &&
		request->wanted_credentials_scheme[0] != '\0';
}

static enum passdb_result refuse_master(struct auth_request *request)
{
	e_info(authdb_event(request), "%s refused: master %s can't be told "
	       "from the user by it", request->fields.mech_name == NULL ?
	       "Login" : request->fields.mech_name,
	       request->fields.master_user);
	return refuse(request, REFUSED_TEXT);
}

static void
pop3_passdb_lookup_credentials(struct auth_request *request,
			       lookup_credentials_callback_t *callback)
{
	struct pending_login login = {
		.request = request,
		.result = no_opinion(request),
		.credentials = callback,
	};

	if (is_pop3(request) && is_unproved_master(request)) T_BEGIN {
		login.result = refuse_master(request);
	} T_END;
	else if (is_apop(request)) T_BEGIN {
		login.result = judge_apop(&login);
	} T_END;
	else if (is_verified_token(request) && is_pop3(request)) T_BEGIN {
		judge_token(&login);
	} T_END;
	pending_login_finish(&login);
}

/*
 * Module
 */

static void pop3_passdb_init(struct passdb_module *module)
{
	/* A worker is not told the initial response, and its reasons do not
	   reach the client. */
	if (module->blocking) {
		i_warning("passdb pop3_policy: workers are of no use here; "
			  "going on without");
	}
	module->blocking = FALSE;
}

static void pop3_passdb_deinit(struct passdb_module *module)
{
	struct pop3_passdb *passdb =
		container_of(module, struct pop3_passdb, module);

	if (passdb->dict != NULL) {
		login_delay_abort(passdb->dict);
		/* what it has been asked keeps it open */
		dict_wait(passdb->dict);
		dict_deinit(&passdb->dict);
	}
}

static struct passdb_module_interface pop3_passdb_interface = {
	.name = "pop3_policy",

	.init = pop3_passdb_init,
	.deinit = pop3_passdb_deinit,
	.verify_plain = pop3_passdb_verify_plain,
	.lookup_credentials = pop3_passdb_lookup_credentials,
};

void authdb_pop3_policy_init(struct module *module ATTR_UNUSED)
{
	pop3_passdb_compat_set_preinit(&pop3_passdb_interface);
	passdb_register_module(&pop3_passdb_interface);
}

void authdb_pop3_policy_deinit(void)
{
	passdb_unregister_module(&pop3_passdb_interface);
	policy_cache_clear();
	login_script_deinit();
	login_times_clear();
	secret_store_deinit();
}
