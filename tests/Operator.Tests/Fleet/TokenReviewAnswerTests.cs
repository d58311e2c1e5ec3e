using k8s.Models;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Tests.Fleet;

public class TokenReviewAnswerTests
{
    private static V1TokenReviewStatus Answer(Action<V1TokenReviewStatus>? change = null)
    {
        var answer = new V1TokenReviewStatus
        {
            Authenticated = true,
            Audiences = ["session-operator"],
            User = new V1UserInfo
            {
                Username = "system:serviceaccount:shop:web",
                Extra = new Dictionary<string, IList<string>>
                {
                    ["authentication.kubernetes.io/pod-name"] = ["web-1"],
                    ["authentication.kubernetes.io/pod-uid"] = ["uid-1"],
                },
            },
        };
        change?.Invoke(answer);
        return answer;
    }

    [Fact]
    public void A_whole_answer_says_which_pod() =>
        Assert.Equal(new IdentityVerdict.Accepted(new PodIdentity("shop", "web-1", "uid-1")), TokenReview.Judge(Answer()));

    [Fact]
    public void An_API_server_that_compared_no_audience_has_not_vouched_for_the_token()
    {
        Assert.IsType<IdentityVerdict.Rejected>(TokenReview.Judge(Answer(a => a.Audiences = null)));
        Assert.IsType<IdentityVerdict.Rejected>(TokenReview.Judge(Answer(a => a.Audiences = [])));
        Assert.IsType<IdentityVerdict.Rejected>(TokenReview.Judge(Answer(a => a.Audiences = ["https://kubernetes.default.svc"])));
    }

    [Fact]
    public void Who_is_not_authenticated_is_nobody_whatever_else_is_said()
    {
        Assert.Equal(new IdentityVerdict.Rejected("it is not valid"), TokenReview.Judge(Answer(a => a.Authenticated = null)));
        Assert.Equal(new IdentityVerdict.Rejected("token expired"), TokenReview.Judge(Answer(a => (a.Authenticated, a.Error) = (false, "token\nexpired"))));
    }

    [Theory]
    [InlineData("system:node:node-1")]
    [InlineData("system:serviceaccount:shop")]
    [InlineData("system:serviceaccount::web")]
    [InlineData("system:serviceaccount:a:b:c")]
    [InlineData("admin")]
    public void Who_is_no_service_account_of_a_namespace_is_no_pod(string user) =>
        Assert.Equal(new IdentityVerdict.NoPod(user), TokenReview.Judge(Answer(a => a.User.Username = user)));

    [Theory]
    [InlineData("authentication.kubernetes.io/pod-name")]
    [InlineData("authentication.kubernetes.io/pod-uid")]
    public void A_pod_has_one_name_and_one_uid(string key)
    {
        Assert.IsType<IdentityVerdict.NoPod>(TokenReview.Judge(Answer(a => a.User.Extra.Remove(key))));
        Assert.IsType<IdentityVerdict.NoPod>(TokenReview.Judge(Answer(a => a.User.Extra[key] = ["one", "two"])));
        Assert.IsType<IdentityVerdict.NoPod>(TokenReview.Judge(Answer(a => a.User.Extra[key] = [""])));
    }
}
